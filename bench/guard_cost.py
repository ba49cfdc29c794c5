"""What the guard costs a run: `AuthService.resume`, with few users and with many."""

from collections.abc import Callable
from random import Random
from statistics import median
from time import perf_counter_ns

from bench.accounts import Accounts, accounts
from bench.table import Row, progress

MUST = 150  # µs
SAME = 1.1  # times as long with the larger database
FEW, MANY = 1_000, 1_000_000


def measure(quick: bool) -> list[Row]:
    """Return the rows: the median with either database, and how they compare."""
    many = 20_000 if quick else MANY
    rounds, calls = (4, 250) if quick else (20, 1_000)
    with accounts(FEW) as small, accounts(many) as large:
        few, lots = [], []
        pairs = [(small, pick(small)), (large, pick(large))]
        for made, picked in pairs:
            resumes(made, picked, 5_000)  # warm, and noted as used: that is written once a minute
        for number in range(rounds):
            progress(f"guard: round {number + 1} of {rounds}")
            few.append(median(resumes(*pairs[0], calls)))
            lots.append(median(resumes(*pairs[1], calls)))
    how = "median of AuthService.resume, JWT and SQLite, warm, random sessions"
    ratio = median(large / small for small, large in zip(few, lots, strict=True))
    return [
        Row(f"guard per run, {FEW:,} users", median(few), "µs", how, at_most=MUST),
        Row(f"guard per run, {many:,} users", median(lots), "µs", how, at_most=MUST),
        Row(
            f"guard, {many:,} users against {FEW:,}",
            ratio,
            "×",
            f"median over {rounds} interleaved rounds of {calls:,}",
            at_most=SAME,
        ),
    ]


def pick(made: Accounts, seed: int = 1) -> Callable[[], str]:
    """Return what picks a token at random: 1,000 users out of all, so that signing is done once."""
    random = Random(seed)
    tokens = [made.token(random.randrange(made.count)) for _ in range(1_000)]
    return lambda: random.choice(tokens)


def resumes(made: Accounts, picked: Callable[[], str], calls: int) -> list[float]:
    """Return the microseconds of each of *calls* calls."""
    resume = made.service.resume
    taken = []
    for token in [picked() for _ in range(calls)]:
        start = perf_counter_ns()
        user = resume(token)
        taken.append((perf_counter_ns() - start) / 1_000)
        if user is None:
            raise RuntimeError("a live session was refused: the measurement means nothing")
    return taken
