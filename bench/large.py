"""Measure a million users and ten million audit rows: guard, log-in, throttle and purge."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from os import environ
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import bcrypt
from sqlalchemy import bindparam, text

from auth.client import Client
from auth.limits import LOG_IN_ACCOUNT, LOG_IN_ALL, LOG_IN_NETWORK
from auth.throttle import take
from bench import admin_pages
from bench.accounts import PASSWORD, Accounts, accounts, email
from bench.guard_cost import pick, resumes
from bench.server import ROOT
from bench.table import Row, progress
from db.models import UtcDateTime, utc_now

SAME = 1.2  # times as long with the large database
BLOCKED = 250  # ms that a purge may delay a log-in
MOVE_IN = 60  # seconds for 100,000 imported users
CHEAPEST = 4  # bcrypt's floor: everything else in a log-in is measured here
FEW = 1_000
BATCH = 500_000  # rows in one insert
# Rows are numbered by SQLite itself: a million a second, where a driver would take a minute.
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT :start UNION ALL SELECT i + 1 FROM n WHERE i < :end - 1)"
EVENTS = f"""{NUMBERS} INSERT INTO audit (at, event, user_id, session, ip, user_agent)
    SELECT :now, 'authn_login_success', printf('%032x', i / :each), 'bench', '127.0.0.1', 'bench'
    FROM n"""
COUNTERS = f"""{NUMBERS} INSERT INTO counters (key, count, until, expires_at)
    SELECT printf('%064x', i), 1, :now, :then FROM n"""


def measure(quick: bool) -> list[Row]:
    """Return the rows: guard, log-in and throttle in both databases, and log-ins during a purge."""
    users, events, expired = (20_000, 200_000, 50_000) if quick else (1_000_000, 10**7, 10**6)
    rounds = 3 if quick else 15
    with ExitStack() as stack:
        pair = [stack.enter_context(accounts(count, CHEAPEST)) for count in (FEW, users)]
        for made, count in zip(pair, (10 * FEW, events), strict=True):
            fill(made, EVENTS, count, "audit rows", each=max(count // made.count, 1))
            fill(made, COUNTERS, count // 10, "counters", then=utc_now() + timedelta(days=1))
        rows = [
            move_in(pair[0], 10_000 if quick else 100_000),
            compare("guard", users, guard, pair, rounds),
            compare("log-in without bcrypt", users, log_in, pair, rounds),
            compare("throttle check", users, throttle, pair, rounds),
        ]
        fill(pair[1], COUNTERS, expired, "expired rows", first=10**9, then=utc_now())
        return [*rows, *admin_pages.measure(pair[1], events), *purge(pair[1], expired)]


def fill(
    made: Accounts,
    statement: str,
    count: int,
    what: str,
    *,
    first: int = 0,
    then: datetime | None = None,
    each: int = 1,
) -> None:
    """Add *count* rows by *statement*, a batch at a time; *then* is when they expire."""
    moments = (bindparam(name, type_=UtcDateTime()) for name in ("now", "then"))
    insert = text(statement).bindparams(*(each for each in moments if f":{each.key}" in statement))
    for start in range(0, count, BATCH):
        end = min(start + BATCH, count)
        values = {"start": first + start, "end": first + end, "each": each}
        with made.database.write() as connection:
            connection.execute(insert, values | {"now": utc_now(), "then": then})
        progress(f"{made.count:,} users: {end:,} of {count:,} {what}")


def move_in(made: Accounts, count: int) -> Row:
    """Return the row: how long `python -m auth import` takes for *count* users."""
    progress(f"importing {count:,} users")
    hashed = hash_of(PASSWORD)
    with TemporaryDirectory() as folder:
        file = Path(folder, "users.csv")
        lines = (f"moved{number}@example.com,Moved,{hashed}" for number in range(count))
        file.write_text("\n".join(["email,name,password_hash", *lines]))
        command = [sys.executable, "-m", "auth", "import", str(file)]
        start = perf_counter()
        done = subprocess.run(
            command, cwd=ROOT, env=environ | made.environment, capture_output=True, check=False
        )
    if f"{count:,} accounts created".encode() not in done.stdout:
        raise RuntimeError(f"the import did not do its work: {done.stdout!r} {done.stderr!r}")
    taken, most = perf_counter() - start, MOVE_IN * count / 100_000
    return Row(f"import of {count:,} users", taken, "s", "python -m auth import", at_most=most)


def hash_of(password: str) -> str:
    """Return a bcrypt hash as other systems write it."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(CHEAPEST)).decode()


def compare(
    what: str, users: int, run: Callable[[Accounts, int], float], pair: list[Accounts], rounds: int
) -> Row:
    """Return how much longer *run* takes in the larger database, alternating round by round."""
    for made in pair:
        run(made, rounds)  # warm
    ratios = []
    for number in range(rounds):
        progress(f"{what}: round {number + 1} of {rounds}")
        small, large = (run(made, number) for made in pair)
        ratios.append(large / small)
    how = f"{users:,} users against {FEW:,}, median of {rounds} interleaved rounds"
    return Row(what, median(ratios), "×", how, at_most=SAME)


def guard(made: Accounts, number: int) -> float:
    """Return the microseconds of a guard, the median of a thousand over the same users' tokens.

    Other sessions would first be recorded as used, which is written once a minute.
    """
    return median(resumes(made, pick(made), 2_000))


def log_in(made: Accounts, number: int) -> float:
    """Return the milliseconds of a log-in, the median of twenty random users."""
    users = Random(number).sample(range(made.count), 20)
    return median(one_log_in(made, user) for user in users)


def one_log_in(made: Accounts, user: int) -> float:
    """Return the milliseconds of a log-in of *user* from a separate network."""
    start = perf_counter()
    made.service.log_in(email(user), PASSWORD, Client(f"10.0.{user >> 8 & 255}.{user & 255}"))
    return (perf_counter() - start) * 1_000


def throttle(made: Accounts, number: int) -> float:
    """Return the milliseconds of a throttle check, the median of fifty subjects."""
    taken = []
    for subject in range(50):
        name = f"{number} {subject} {perf_counter()}"
        counters = [LOG_IN_ACCOUNT.on(name), LOG_IN_NETWORK.on(name), LOG_IN_ALL.on(name)]
        start = perf_counter()
        with made.database.write() as connection:
            take(connection, counters, utc_now())
        taken.append((perf_counter() - start) * 1_000)
    return median(taken)


def purge(made: Accounts, expired: int) -> list[Row]:
    """Return the rows: how long the purge took, and the longest log-in meanwhile."""
    progress(f"purging {expired:,} rows")
    start, random, taken = perf_counter(), Random(1), [0.0]
    command = [sys.executable, "-m", "auth", "purge"]
    environment = environ | made.environment
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        while process.poll() is None:
            taken.append(one_log_in(made, random.randrange(made.count)))
        told = process.stdout.read().decode() if process.stdout else ""
    if process.returncode or f"{expired:,} rows" not in told:
        raise RuntimeError(f"the purge did not do its work: {told}")
    how = f"{len(taken):,} log-ins one after the other, without bcrypt"
    return [
        Row(f"purge of {expired:,} rows", perf_counter() - start, "s", "python -m auth purge"),
        Row("longest log-in meanwhile", max(taken), "ms", how, at_most=BLOCKED),
    ]
