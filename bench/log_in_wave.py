"""Measure what 50 simultaneous log-ins cost other users: the 95th percentile of reruns."""

from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles

from bench.accounts import PASSWORD, Accounts, accounts, email
from bench.load import crowds
from bench.server import entries, serving
from bench.stream import Crowd
from bench.table import Row, progress
from bench.throughput import crowd_of

MUST = 2  # times as long as without log-ins
PAUSE = 1.0  # seconds that each of the others looks at a page
FIRST = 500  # the accounts that log in are not those that rerun


def measure(quick: bool) -> list[Row]:
    """Return the rows of each entry script: the others' p95 quiet and in the wave, the ratio."""
    rounds, count, seconds = (1, 4, 2.0) if quick else (3, 50, 10.0)
    rows: list[Row] = []
    with accounts(1_000) as made:
        for name, entry in entries().items():
            quiet, wave = waves(entry, made, rounds, count, seconds)
            how = f"20 others rerun every {PAUSE:g} s, median of {rounds} interleaved rounds"
            ratio = median(b / a for a, b in zip(quiet, wave, strict=True))
            rows += [
                Row(f"others' p95, {name}, quiet", median(quiet), "ms", how),
                Row(f"others' p95, {name}, {count} log-ins", median(wave), "ms", how),
                Row(f"others' p95, {name}, against quiet", ratio, "×", how, at_most=MUST),
            ]
    return rows


def waves(
    entry: Path, made: Accounts, rounds: int, count: int, seconds: float
) -> tuple[list[float], list[float]]:
    """Return the others' p95 of each round: without log-ins, and with *count* of them."""
    quiet, wave = [], []
    with ExitStack() as stack:
        url = stack.enter_context(serving(entry, made.environment)).url
        (others,) = stack.enter_context(crowds([crowd_of(url, made, PAUSE)]))
        others.press(1)
        for number in range(rounds):
            progress(f"log-in wave at {entry.name}: round {number + 1} of {rounds}")
            with crowds([at_the_form(url, count, FIRST + number * count)]) as (people,):
                quiet.append(p95(others.press(seconds)))
                others.start(seconds)
                people.start(0)
                wave.append(p95(others.taken()))
                people.taken()
    return quiet, wave


def at_the_form(url: str, count: int, first: int) -> Crowd:
    """Return *count* visitors at the log-in form; an invalid cookie spares the browser's answer."""
    addresses = [email(first + number) for number in range(count)]
    return Crowd(url, ["auth=dead"] * count, addresses, password=PASSWORD)


def p95(taken: list[float]) -> float:
    """Return the 95th percentile of *taken* seconds, in milliseconds."""
    return quantiles(taken, n=20)[-1] * 1_000
