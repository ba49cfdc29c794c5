"""A siege: measure an honest visitor's waits while attackers flood the server, and what remains.

The attackers of `bench/attacks.py` run in a process of their own. Meanwhile an honest visitor loads
the page, logs in and clicks, as before on a quiet server. Shows AV-1 and AV-3 at full size.
"""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median, quantiles
from subprocess import PIPE, Popen
from time import monotonic, perf_counter
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from bench.accounts import PASSWORD, Accounts, accounts, email
from bench.attacks import ATTACKS
from bench.server import ROOT, Server, entries, serving
from bench.table import Row, progress
from bench.visitor import Visitor, arrive

MUST = 2.0  # times the honest visitor's p95 in quiet
HEALTHY = 250  # ms: the health check's p95 under siege
LEFT = 1.1  # times memory and descriptors before
CLICKS = 3  # reruns of a visit
# The honest visitor's own closed tabs would count as left for two minutes: signed in, they are kept
# so that their browser can come back.
KEPT = {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "20"}  # seconds
PATIENCE = 15  # seconds: an attacker does not wait longer for an answer either


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
    command = [sys.executable, "-m", "bench.attacks", name, url, "600"]
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
