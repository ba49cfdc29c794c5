"""Measure what a log-in costs beyond its one bcrypt run."""

from statistics import median
from time import perf_counter

import bcrypt

from auth.sessions import Client
from bench.accounts import PASSWORD, accounts, email
from bench.table import Row, progress

ROUNDS = 12
SLOWER, LATER = 1.05, 10  # times as long; ms later


def measure(quick: bool) -> list[Row]:
    """Return the rows: how much longer a log-in takes, as a ratio and in milliseconds."""
    pairs = 3 if quick else 30
    bare, whole = [], []
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(ROUNDS))
    with accounts(1_000) as made:
        for number in range(pairs):
            progress(f"log-in: pair {number + 1} of {pairs}")
            start = perf_counter()
            bcrypt.checkpw(PASSWORD.encode(), hashed)
            bare.append((perf_counter() - start) * 1_000)
            start = perf_counter()
            made.service.log_in(email(number), PASSWORD, Client("127.0.0.1", "bench"))
            whole.append((perf_counter() - start) * 1_000)
    later = median(one - other for one, other in zip(whole, bare, strict=True))
    how = f"median of {pairs} interleaved pairs, cost {ROUNDS}"
    return [
        Row("bare bcrypt.checkpw", median(bare), "ms", how),
        Row("log-in beyond bcrypt", later, "ms", f"AuthService.log_in, {how}", at_most=LATER),
        Row("log-in against bcrypt", 1 + later / median(bare), "×", how, at_most=SLOWER),
    ]
