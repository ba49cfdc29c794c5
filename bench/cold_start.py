"""Measure the first visitor's wait after `streamlit run`: our app, signed in, and the bare page."""

import asyncio
from pathlib import Path
from statistics import median
from time import perf_counter
from urllib.request import urlopen

from bench.accounts import accounts, email
from bench.server import BARE, Server, entries
from bench.table import Row, progress
from bench.throughput import SIGHT
from bench.visitor import arrive

SERVED = 1.25  # times the bare page's
SEEN = 1.5


def measure(quick: bool) -> list[Row]:
    """Return the rows: seconds from the command to the page, and to its first run."""
    rounds = 2 if quick else 7
    served: dict[str, list[float]] = {}
    seen: dict[str, list[float]] = {}
    with accounts(1_000) as made:
        for number in range(rounds):
            progress(f"cold start: round {number + 1} of {rounds}")
            for name, entry in {"bare": BARE, **entries()}.items():
                if entry == BARE:
                    moments = first_page(entry, {}, "", SIGHT[0])
                else:
                    cookie = f"auth={made.token(0)}"
                    moments = first_page(entry, made.environment, cookie, email(0))
                served.setdefault(name, []).append(moments[0])
                seen.setdefault(name, []).append(moments[1])
    how = f"median of {rounds} interleaved starts"
    rows = []
    for what, taken, must in (("page served", served, SERVED), ("first run ended", seen, SEEN)):
        rows += [Row(f"{what}, {name}", median(each), "s", how) for name, each in taken.items()]
        for name in entries():
            ratio = median(a / b for a, b in zip(taken[name], taken["bare"], strict=True))
            rows.append(Row(f"{what}, {name} against bare", ratio, "×", how, at_most=must))
    return rows


def first_page(
    entry: Path, environment: dict[str, str], cookie: str, needle: str
) -> tuple[float, float]:
    """Start a server of *entry*; return the seconds until it served its page and showed *needle*.

    The needle is text of the signed-in page, at the end of the script's first run.
    """
    start = perf_counter()
    server = Server(entry, environment)
    try:
        server.wait()
        with urlopen(server.url) as page:
            page.read()
        served = perf_counter() - start
        asyncio.run(visit(server.url, cookie, needle))
        return served, perf_counter() - start
    finally:
        server.stop()


async def visit(url: str, cookie: str, needle: str) -> None:
    """Open the page once, then disconnect."""
    visitor = await arrive(url, cookie, needle)
    await visitor.socket.close()
