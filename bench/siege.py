"""A siege: measure an honest visitor's waits while attackers flood the server, and what remains.

Each attack is bounded in time and number and comes from many loopback IP addresses, in its own
process (`python -m bench.siege ATTACK URL SECONDS`). Meanwhile an honest visitor loads the page,
logs in and clicks, as before on a quiet server. Shows AV-1 and AV-3 at full size.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count, cycle
from pathlib import Path
from statistics import median, quantiles
from subprocess import PIPE, Popen
from time import monotonic, perf_counter
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.exceptions import WebSocketException

from bench.accounts import PASSWORD, Accounts, accounts, email
from bench.server import ROOT, Server, entries, serving
from bench.table import Row, progress
from bench.visitor import Visitor, arrive, handshake

MUST = 2.0  # times the honest visitor's p95 in quiet
HEALTHY = 250  # ms: the health check's p95 under siege
LEFT = 1.1  # times memory and descriptors before
CLICKS = 3  # reruns of a visit
# The honest visitor's own closed tabs would count as left for two minutes: signed in, they are kept
# so that their browser can come back.
KEPT = {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "20"}  # seconds
LEET = "p4$$w0rd!m0nk3y?7r0ub4d0ur&3xpl0r3r+$tr0ng3st#1!"  # the most expensive password to estimate
HUGE = "a" * 20_000_000
REFUSED = (WebSocketException, OSError, TimeoutError, RuntimeError)
RUN_UP = 3.0  # seconds of attack before the honest visitor comes
PATIENCE = 15  # seconds: an attacker does not wait longer for an answer either


# The attacks. Each coroutine is one attacker at one loopback IP address, until it is cancelled.


async def sign_up(url: str, ip: str) -> None:
    """Send the sign-up form repeatedly, with the password that is most expensive to estimate."""
    for number in count():
        attacker = await arrive(url, "auth=dead", "Sign up", "/sign-up", ip)
        values = {"Name": "Ada", "Email": f"a{number}@{ip}.example.org", "Password": LEET}
        await attacker.sees(*attacker.form("Sign up", **values))
        await attacker.socket.close()


async def wrong_password(url: str, ip: str) -> None:
    """Guess passwords, also long after the network's limit is used up."""
    attacker = await arrive(url, "auth=dead", "Log in", "/log-in", ip)
    for number in count():
        await attacker.sees(*attacker.form("Log in", Email=email(7), Password=f"guess {number}"))


async def forgot_password(url: str, ip: str) -> None:
    """Request reset links for other people's emails."""
    attacker = await arrive(url, "auth=dead", "link", "/forgot-password", ip)
    for number in count():
        await attacker.sees(*attacker.form("Send the link", Email=email(number % 50)))


async def huge_values(url: str, ip: str) -> None:
    """Send 20 MB in a field."""
    while True:
        attacker = await arrive(url, "auth=dead", "Sign up", "/sign-up", ip)
        with suppress(WebSocketException):  # closed for its size
            values = {"Name": HUGE, "Email": "a@example.org", "Password": LEET}
            await attacker.sees(*attacker.form("Sign up", **values))
        await attacker.socket.close()


async def idle_sockets(url: str, ip: str) -> None:
    """Open websockets and leave them."""
    held = []
    while True:
        held.append(await handshake(url, ip=ip))
        await asyncio.sleep(0.05)  # a flood that a laptop sends


async def open_and_close(url: str, ip: str) -> None:
    """Open a page's connection, run the script once, and disconnect."""
    while True:
        attacker = await arrive(url, "auth=dead", "Log in", "/", ip)
        await attacker.socket.close()


async def reruns(url: str, ip: str) -> None:
    """Rerun the script as soon as it has ended, without ever logging in."""
    attacker = await arrive(url, "auth=dead", "Log in", "/", ip)
    while True:
        await attacker.run()


async def foreign_origin(url: str, ip: str) -> None:
    """Open websockets from a page of another site."""
    for number in count():
        with suppress(WebSocketException):
            socket = await handshake(url, ip=ip, origin=f"https://evil{number}.example")
            await socket.close()


async def clear_cache(url: str, ip: str) -> None:
    """Ask the process to drop its caches."""
    socket = await handshake(url, ip=ip)
    while True:
        await socket.send(BackMsg(clear_cache=True).SerializeToString())
        await asyncio.sleep(0.01)


async def uploads(url: str, ip: str) -> None:
    """Upload files to sessions that may or may not exist."""
    body = b"x" * 1_000_000
    for number in count():
        await request(url, ip, f"PUT /_stcore/upload_file/{number}/{number}", body)


async def slow_headers(url: str, ip: str) -> None:
    """Start a request and never finish it."""
    await slowly(url, ip, "GET / HTTP/1.1\r\nHost: {host}\r\nX-Slow: ")


async def slow_body(url: str, ip: str) -> None:
    """Announce a body and never send it."""
    head = "POST /auth/session HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Site: same-origin\r\n"
    await slowly(url, ip, head + "Content-Length: 500\r\n\r\n")


async def forged_cookies(url: str, ip: str) -> None:
    """Load the page with forged tokens."""
    for number in count():
        token = ".".join((f"{number:x}" * 600)[:600] for _ in range(3))
        await request(url, ip, "GET /", cookie=f"auth={token}")


Attack = Callable[[str, str], Awaitable[None]]
# Each attack, and how many attackers at how many IP addresses.
ATTACKS: dict[str, tuple[Attack, int, int]] = {
    "sign-up forms, dearest password": (sign_up, 30, 30),
    "guesses over the limit": (wrong_password, 40, 4),
    "forgotten passwords": (forgot_password, 10, 10),
    "20 MB in a field": (huge_values, 4, 4),
    "idle websockets": (idle_sockets, 10, 10),
    "pages opened and closed": (open_and_close, 4, 4),
    "pages that rerun in a loop": (reruns, 30, 1),
    "websockets of other sites": (foreign_origin, 10, 10),
    "clear_cache": (clear_cache, 10, 10),
    "uploads without a log-in": (uploads, 4, 4),
    "slow headers": (slow_headers, 200, 20),
    "slow bodies": (slow_body, 200, 20),
    "forged cookies": (forged_cookies, 4, 4),
}


async def slowly(url: str, ip: str, head: str) -> None:
    """Send *head*, then a byte now and then for as long as the server listens; then start over."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    while True:
        reader, writer = await asyncio.open_connection(host, port, local_addr=(ip, 0))
        writer.write(head.format(host=f"{host}:{port}").encode())
        with suppress(OSError):
            while not reader.at_eof():
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(1)
        writer.close()


async def request(url: str, ip: str, line: str, body: bytes = b"", cookie: str = "") -> None:
    """Send one request from the loopback IP address *ip* and read the start of the response."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    reader, writer = await asyncio.open_connection(host, port, local_addr=(ip, 0))
    head = (
        f"{line} HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {url}\r\n"
        f"Sec-Fetch-Site: same-origin\r\nCookie: {cookie}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    try:
        writer.write(head.encode() + body)
        await reader.read(1024)
    finally:
        writer.close()


async def besiege(name: str, url: str, seconds: float) -> None:
    """Run the attackers of *name* for *seconds*; one that is refused comes again."""
    attack, attackers, addresses = ATTACKS[name]

    async def attacker(ip: str) -> None:
        while True:
            with suppress(*REFUSED):
                await attack(url, ip)
            await asyncio.sleep(0.2)

    ips = cycle(f"127.0.1.{number + 1}" for number in range(addresses))
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for _ in range(attackers):
                group.create_task(attacker(next(ips)))
            await asyncio.sleep(RUN_UP)
            print("begun", flush=True)


# The honest visitor.


def measure(quick: bool) -> list[Row]:
    """Return the rows of each attack on each entry script."""
    visits, names = (2, list(ATTACKS)[:2]) if quick else (12, list(ATTACKS))
    rows: list[Row] = []
    with accounts(100) as made:
        for entry_name, entry in entries().items():
            for name in names:
                progress(f"{entry_name}: {name}")
                rows += under(name, entry, entry_name, made, visits)
    return rows


def under(name: str, entry: Path, mode: str, made: Accounts, visits: int) -> list[Row]:
    """Return the rows of one attack, each against a new server."""
    with serving(entry, made.environment | KEPT) as server:
        asyncio.run(warm(server.url))
        quiet, _ = asyncio.run(honest(server.url, visits))
        memory, descriptors = server.memory, server.descriptors
        with attacked(name, server.url):
            felt, health = asyncio.run(honest(server.url, visits))
        memory_left, descriptors_left = settled(server, memory, descriptors)
    p50s = f"p50 {median(quiet) * 1_000:.0f} → {median(felt) * 1_000:.0f} ms"
    p95s = f"p95 {p95(quiet) * 1_000:.0f} → {p95(felt) * 1_000:.0f} ms"
    what, how = f"{mode}, {name}", f"{visits} visits: {p50s}, {p95s}"
    checks = f"{len(health)} checks under siege"
    of_memory, of_descriptors = f"of {memory / 1e6:.0f} MB", f"of {descriptors}"
    return [
        Row(f"{what}: a visit", p95(felt) / p95(quiet), "×", how, at_most=MUST),
        Row(f"{what}: health check", p95(health) * 1_000, "ms", checks, at_most=HEALTHY),
        Row(f"{what}: memory left", memory_left, "×", of_memory, at_most=LEFT),
        Row(f"{what}: descriptors left", descriptors_left, "×", of_descriptors, at_most=LEFT),
    ]


def p95(taken: list[float]) -> float:
    """Return the 95th percentile of *taken*."""
    return quantiles(taken, n=20, method="inclusive")[-1]


async def warm(url: str) -> None:
    """Bring the server to its working size: visitors fill its pools, and use what loads late."""
    await asyncio.gather(*(honest(url, 1, first) for first in range(60, 68)))
    newcomer = await arrive(url, "auth=dead", "Sign up", "/sign-up")
    values = {"Name": "Ada", "Email": "ada@new.example.org", "Password": PASSWORD}
    await newcomer.sees(*newcomer.form("Sign up", **values))
    forgetful = await arrive(url, "auth=dead", "link", "/forgot-password")
    await forgetful.sees(*forgetful.form("Send the link", Email=email(60)))
    for person in (newcomer, forgetful):
        await person.socket.close()


async def honest(url: str, visits: int, first: int = 70) -> tuple[list[float], list[float]]:
    """Return the seconds of each whole visit, and of each health check beside them."""
    felt, health = [], []
    done = asyncio.Event()

    async def watch() -> None:
        while not done.is_set():
            health.append(await asyncio.to_thread(check, url))
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), 0.1)

    watching = asyncio.create_task(watch())
    try:
        for number in range(visits):
            start = perf_counter()
            person: Visitor = await arrive(url, "auth=dead", "Log in")
            person.address = email(first + number)
            await person.log_in(PASSWORD)
            for _ in range(CLICKS):
                await person.run()
            felt.append(perf_counter() - start)
            await person.socket.close()
    finally:
        done.set()
        await watching
    return felt, health


def check(url: str) -> float:
    """Return the seconds of a health check: our route, or Streamlit's where ours is missing."""
    start = perf_counter()
    for path in ("/healthz", "/_stcore/health"):
        with suppress(HTTPError), urlopen(Request(url + path), timeout=PATIENCE) as answer:
            if answer.headers.get_content_type() == "text/plain":
                break
    return perf_counter() - start


@contextmanager
def attacked(name: str, url: str) -> Iterator[None]:
    """Attack *url* until the block ends, for ten minutes at most."""
    command = [sys.executable, "-m", "bench.siege", name, url, "600"]
    with Popen(command, cwd=ROOT, stdout=PIPE, preexec_fn=lambda: os.nice(5)) as attackers:
        assert attackers.stdout
        try:
            if not attackers.stdout.readline():
                raise RuntimeError("the attackers have ended by themselves: see above")
            yield
        finally:
            attackers.terminate()


def settled(server: Server, memory: int, descriptors: int) -> tuple[float, float]:
    """Return memory and descriptors relative to before, once both are back or after a minute."""
    end = monotonic() + 60
    while True:
        left = server.memory / memory, server.descriptors / descriptors
        if max(left) <= LEFT or monotonic() > end:
            return left
        asyncio.run(asyncio.sleep(0.5))


if __name__ == "__main__":
    asyncio.run(besiege(sys.argv[1], sys.argv[2], float(sys.argv[3])))
