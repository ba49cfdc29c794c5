"""How long the first visitor waits after `streamlit run`: ours, signed in, and the bare page."""

import asyncio
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.accounts import accounts, email
from bench.server import BARE, Server, entries
from bench.table import Row, progress
from bench.throughput import SIGHT
from bench.visitor import arrive

MUST = 1.25  # times the bare page's


def measure(quick: bool) -> list[Row]:
    """Return the rows: seconds from the command to a served page, and how they compare."""
    rounds = 2 if quick else 7
    taken: dict[str, list[float]] = {}
    with accounts(1_000) as made:
        for number in range(rounds):
            progress(f"cold start: round {number + 1} of {rounds}")
            for name, entry in {"bare": BARE, **entries()}.items():
                if entry == BARE:
                    seconds = first_page(entry, {}, "", SIGHT[0])
                else:
                    cookie = f"auth={made.token(0)}"
                    seconds = first_page(entry, made.environment, cookie, email(0))
                taken.setdefault(name, []).append(seconds)
    how = f"from the command to the end of the first run, median of {rounds} interleaved starts"
    rows = [Row(f"cold start, {name}", median(each), "s", how) for name, each in taken.items()]
    for name in entries():
        ratio = median(a / b for a, b in zip(taken[name], taken["bare"], strict=True))
        rows.append(Row(f"cold start, {name} against bare", ratio, "×", how, at_most=MUST))
    return rows


def first_page(entry: Path, environment: dict[str, str], cookie: str, needle: str) -> float:
    """Start a server of *entry*, see the page with *needle*, and return the seconds it took."""
    start = perf_counter()
    server = Server(entry, environment)
    try:
        server.wait()
        asyncio.run(visit(server.url, cookie, needle))
        return perf_counter() - start
    finally:
        server.stop()


async def visit(url: str, cookie: str, needle: str) -> None:
    """See the page once, and leave."""
    visitor = await arrive(url, cookie, needle)
    await visitor.socket.close()
