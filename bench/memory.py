"""Measure the memory of one more idle session: our app, signed in, against the bare page."""

from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench.accounts import Accounts, accounts
from bench.load import crowds
from bench.server import BARE, entries, serving
from bench.stream import Crowd
from bench.table import Row, progress
from bench.throughput import SIGHT, crowd_of

MUST = 1.05  # times the bare page's
WARM = 20  # sessions before the first reading, to exclude what the process needs once


def measure(quick: bool) -> list[Row]:
    """Return the rows: kilobytes per session of the bare page and of ours, and the ratio."""
    rounds, count = (1, 20) if quick else (3, 100)
    taken: dict[str, list[float]] = {}
    with accounts(1_000) as made:
        for number in range(rounds):
            for name, entry in {"bare": BARE, **entries()}.items():
                progress(f"memory: {name}, round {number + 1} of {rounds}")
                taken.setdefault(name, []).append(a_session(entry, made, count))
    how = f"USS over {count} sessions, no file watcher, median of {rounds} fresh servers"
    rows = [Row(f"a session, {name}", median(sizes), "kB", how) for name, sizes in taken.items()]
    for name in entries():
        ratio = median(taken[name]) / median(taken["bare"])
        rows.append(Row(f"a session, {name} against bare", ratio, "×", how, at_most=MUST))
    return rows


def a_session(entry: Path, made: Accounts, count: int) -> float:
    """Return the kilobytes that each of *count* sessions adds to a fresh server of *entry*."""
    with ExitStack() as stack:
        ours = {} if entry == BARE else made.environment
        server = stack.enter_context(serving(entry, ours))
        stack.enter_context(crowds([crowd(entry, server.url, made, WARM)]))
        before = server.memory
        stack.enter_context(crowds([crowd(entry, server.url, made, count)]))
        return (server.memory - before) / count / 1_000


def crowd(entry: Path, url: str, made: Accounts, count: int) -> Crowd:
    """Return *count* visitors of *entry*."""
    if entry == BARE:
        return Crowd(url, [""] * count, SIGHT[:1] * count)
    return crowd_of(url, made, count=count)
