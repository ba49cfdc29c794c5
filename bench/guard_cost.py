"""Measure the guard's cost in a run: `AuthService.resume` against one read of the same row."""

from collections.abc import Callable
from random import Random
from statistics import median
from time import perf_counter_ns

from auth.sessions import BY_ID
from bench.accounts import Accounts, accounts, session_id
from bench.table import Row, progress

MUST = 1.2  # times one read of the session's row by SQLAlchemy Core
SAME = 1.1  # times as long with the larger database
FEW, MANY = 1_000, 1_000_000


def measure(quick: bool) -> list[Row]:
    """Return the rows: the guard next to the plain read, with few and with many users."""
    many = 20_000 if quick else MANY
    rounds, calls = (4, 250) if quick else (20, 1_000)
    guard: dict[int, list[float]] = {FEW: [], many: []}
    core: dict[int, list[float]] = {FEW: [], many: []}
    with accounts(FEW) as small, accounts(many) as large:
        pairs = [(small, pick(small)), (large, pick(large))]
        for made, picked in pairs:
            resumes(made, picked, 5_000)  # warm, and noted as used: that is written once a minute
            reads(made, 5_000)
        for number in range(rounds):
            progress(f"guard: round {number + 1} of {rounds}")
            for made, picked in pairs:
                guard[made.count].append(median(resumes(made, picked, calls)))
                core[made.count].append(median(reads(made, calls)))
    how = "median of AuthService.resume, JWT and SQLite, warm, random sessions"
    beside = f"the same row read by SQLAlchemy Core, median of {rounds} interleaved rounds"
    rows = []
    for users in guard:
        rows += [
            Row(f"guard per run, {users:,} users", median(guard[users]), "µs", how),
            Row(
                f"guard against one read, {users:,} users",
                times(guard[users], core[users]),
                "×",
                beside,
                at_most=MUST,
            ),
        ]
    return [
        *rows,
        Row(
            f"guard, {many:,} users against {FEW:,}",
            times(guard[many], guard[FEW]),
            "×",
            f"median over {rounds} interleaved rounds of {calls:,}",
            at_most=SAME,
        ),
    ]


def times(one: list[float], other: list[float]) -> float:
    """Return the ratio of *one* to *other*: the median of the rounds."""
    return median(a / b for a, b in zip(one, other, strict=True))


def pick(made: Accounts, seed: int = 1) -> Callable[[], str]:
    """Return a function that picks a random token of 1,000 users, so that signing is done once."""
    random = Random(seed)
    tokens = [made.token(number) for number in chosen(made, random)]
    return lambda: random.choice(tokens)


def chosen(made: Accounts, random: Random) -> list[int]:
    """Return the numbers of 1,000 users, the same for the same *random*."""
    return [random.randrange(made.count) for _ in range(1_000)]


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


def reads(made: Accounts, calls: int, seed: int = 1) -> list[float]:
    """Return the microseconds of each of *calls* plain reads of those users' rows."""
    random = Random(seed)
    ids = [session_id(number) for number in chosen(made, random)]
    taken = []
    for key in [random.choice(ids) for _ in range(calls)]:
        start = perf_counter_ns()
        with made.database.read() as connection:
            row = connection.execute(BY_ID, {"key": key}).first()
        taken.append((perf_counter_ns() - start) / 1_000)
        if row is None:
            raise RuntimeError("a live session was not found: the measurement means nothing")
    return taken
