"""The throttle: how often something may be tried, counted in the database for all processes.

Every attempt is counted before its work is done, and given back when it did no harm: of any number
that come together none gets more than is allowed (TH-3). Waits grow, and end by themselves.
"""

import hashlib
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select, text, update

from auth.errors import TooMany
from db.models import Counter
from db.types import UtcDateTime

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SKEW = MINUTE  # that the clocks of two servers may differ by; more, and one of them was wrong


@dataclass(frozen=True)
class Limit:
    """What may be tried *free* times; then each further one after a wait.

    Waits double from *first* to *longest*; all is forgotten *forget* after the last of them, and an
    hour after an attempt that none followed: made-up addresses leave no heap of rows (TH-5).
    Without *first* there is one wait: for the end of the window that the first attempt opened,
    *forget* long.
    """

    what: str
    free: int
    forget: timedelta
    first: timedelta | None = None
    longest: timedelta = HOUR

    def on(self, subject: str) -> "Budget":
        """Return the budget of *subject*: an account, a network, or everybody."""
        digest = hashlib.sha256(f"{self.what}\0{subject}".encode(errors="replace"))
        return Budget(self, digest.hexdigest())

    def standing(self, tally: "Tally", now: datetime) -> "Tally":
        """Return *tally* as it counts *now*: forgotten when its time is over.

        A wait longer than the policy's longest was written by a clock that has been set back since.
        It counts no more, so that nobody waits for a month that never was (AV-6); the count stays.
        """
        if now >= tally.expires_at:
            return Tally(0, now, now)
        if self.first is None and tally.expires_at - now > self.forget + SKEW:
            return Tally(0, now, now)
        if self.first is not None and tally.until - now > self.longest + SKEW:
            return Tally(tally.count, now, tally.expires_at)
        return tally

    def wait(self, tally: "Tally", now: datetime) -> timedelta:
        """Return how long *tally* allows nothing, seen from *now*.

        Below *free* that is never, whatever the clocks of those who counted in it said: another
        process's may be ahead of this one's.
        """
        if tally.count < self.free:
            return timedelta()
        return min(tally.until - now, self.forget if self.first is None else self.longest)

    def spend(self, tally: "Tally", now: datetime) -> "Tally":
        """Return *tally* after one attempt *now*, which it allows."""
        count = tally.count + 1
        if self.first is None:
            ends = tally.expires_at if tally.count else now + self.forget
            return Tally(count, ends if count >= self.free else now, ends)
        if count < self.free:
            return Tally(count, now, now + min(self.forget, HOUR))
        doublings = min(count - self.free, 32)  # more would not fit a timedelta
        until = now + min(self.first * 2**doublings, self.longest)
        return Tally(count, until, until + self.forget)

    def refund(self, tally: "Tally", now: datetime) -> "Tally":
        """Return *tally* without one attempt that did no harm."""
        count = max(tally.count - 1, 0)
        return Tally(count, now if count < self.free else tally.until, tally.expires_at)


@dataclass(frozen=True)
class Tally:
    """How a budget stands: attempts counted, none before *until*, forgotten at *expires_at*."""

    count: int
    until: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Budget:
    """A limit on one subject, by the key of its row: rows tell nobody's address (TH-5)."""

    limit: Limit
    key: str


# The update changes nothing and locks the row: one that is there cannot be deleted meanwhile.
OPEN = text(
    "INSERT INTO counters (key, count, until, expires_at) VALUES (:key, 0, :now, :now)"
    " ON CONFLICT (key) DO UPDATE SET count = counters.count"
).bindparams(bindparam("now", type_=UtcDateTime()))
LOOK = select(Counter.__table__).where(Counter.key.in_(bindparam("keys", expanding=True)))
STORE = (
    update(Counter)
    .where(Counter.key == bindparam("counter"))
    .values(
        count=bindparam("new_count"),
        until=bindparam("new_until"),
        expires_at=bindparam("new_expires_at"),
    )
)


def take(
    connection: Connection,
    budgets: Sequence[Budget],
    now: datetime,
    *,
    if_refused: Sequence[Budget] = (),
) -> bool:
    """Count one attempt in every one of *budgets*, and return whether a wait begins with it.

    Raises TooMany where one of them has none left. The attempt then counts in those of
    *if_refused* alone, and `counted` is true, unless one of these has none left either (AV-1).
    Roll the transaction back after a refusal that was not counted: it leaves no rows.
    """
    tallies = _tallies(connection, {*budgets, *if_refused}, now)

    def wait_for(some: Sequence[Budget]) -> timedelta:
        waits = [budget.limit.wait(tallies[budget.key], now) for budget in some]
        return max(waits, default=timedelta())

    wait = wait_for(budgets)
    if wait > timedelta():
        counted = bool(if_refused) and wait_for(if_refused) <= timedelta()
        if counted:
            spent = {each.key: each.limit.spend(tallies[each.key], now) for each in if_refused}
            _store(connection, spent)
        raise TooMany(wait, counted=counted)
    after = {budget.key: budget.limit.spend(tallies[budget.key], now) for budget in budgets}
    _store(connection, after)
    return any(tally.until > now for tally in after.values())


def settle(
    connection: Connection, own: Sequence[Budget], shared: Sequence[Budget], now: datetime
) -> None:
    """Forget what was counted in *own*, and take back one attempt from each that is *shared*.

    Called after a success, which did no harm to others.
    """
    tallies = _tallies(connection, {*own, *shared}, now)
    clear(connection, own)
    _store(
        connection,
        {budget.key: budget.limit.refund(tallies[budget.key], now) for budget in shared},
    )


def clear(connection: Connection, budgets: Sequence[Budget]) -> None:
    """Forget what was counted in *budgets*: whoever it was has shown who they are."""
    keys = [budget.key for budget in budgets]
    connection.execute(delete(Counter).where(Counter.key.in_(keys)))


def _tallies(connection: Connection, budgets: Set[Budget], now: datetime) -> dict[str, Tally]:
    """Return how *budgets* stand, their rows locked in one order: no two wait for each other."""
    keys = sorted(budget.key for budget in budgets)
    connection.execute(OPEN, [{"key": key, "now": now} for key in keys])
    limits = {budget.key: budget.limit for budget in budgets}
    rows = connection.execute(LOOK, {"keys": keys})
    return {
        row.key: limits[row.key].standing(
            Tally(row._mapping["count"], row.until, row.expires_at), now
        )
        for row in rows
    }


def _store(connection: Connection, tallies: dict[str, Tally]) -> None:
    if not tallies:
        return
    connection.execute(
        STORE,
        [
            {
                "counter": key,
                "new_count": tally.count,
                "new_until": tally.until,
                "new_expires_at": tally.expires_at,
            }
            for key, tally in sorted(tallies.items())
        ],
    )
