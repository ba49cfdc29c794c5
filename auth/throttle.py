"""The throttle: limits on attempts, counted in the database for all processes.

Every attempt is counted before its work begins and refunded once it succeeds, so that concurrent
attempts never exceed the limit (TH-3). Waits grow, and end by themselves.
"""

import hashlib
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select, text, update

from auth.errors import TooMany
from db.models import Counter as CounterRow
from db.models import UtcDateTime

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SKEW = MINUTE  # the most that two servers' clocks may differ; beyond that, one is wrong


@dataclass(frozen=True)
class Limit:
    """*free* attempts without a wait; then a wait before each further one.

    Waits double from *first* to *longest*. A counter expires *forget* after its last wait or, below
    *free*, an hour after its last attempt, so that invented emails leave no rows behind (TH-5).
    Without *first* there is one wait, until the end of the window of length *forget* that the first
    attempt opened.
    """

    what: str
    free: int
    forget: timedelta
    first: timedelta | None = None
    longest: timedelta = HOUR

    def on(self, subject: str) -> "Counter":
        """Return the counter of *subject*: an account, a network, or "" for all visitors."""
        digest = hashlib.sha256(f"{self.what}\0{subject}".encode(errors="replace"))
        return Counter(self, digest.hexdigest())

    def current(self, state: "CounterState", now: datetime) -> "CounterState":
        """Return the *state* that applies *now*: zero once it has expired.

        A wait longer than the policy's longest was written by a clock that has since been set back.
        It is dropped and the count stays (AV-6).
        """
        if now >= state.expires_at:
            return CounterState(0, now, now)
        if self.first is None and state.expires_at - now > self.forget + SKEW:
            return CounterState(0, now, now)
        if self.first is not None and state.until - now > self.longest + SKEW:
            return CounterState(state.count, now, state.expires_at)
        return state

    def wait(self, state: "CounterState", now: datetime) -> timedelta:
        """Return how long, from *now*, *state* allows no attempt.

        Below *free* there is no wait, even if another process counted with a clock that is ahead.
        """
        if state.count < self.free:
            return timedelta()
        return min(state.until - now, self.forget if self.first is None else self.longest)

    def spend(self, state: "CounterState", now: datetime) -> "CounterState":
        """Return *state* after one allowed attempt *now*."""
        count = state.count + 1
        if self.first is None:
            ends = state.expires_at if state.count else now + self.forget
            return CounterState(count, ends if count >= self.free else now, ends)
        if count < self.free:
            return CounterState(count, now, now + min(self.forget, HOUR))
        doublings = min(count - self.free, 32)  # more would not fit a timedelta
        until = now + min(self.first * 2**doublings, self.longest)
        return CounterState(count, until, until + self.forget)

    def refund(self, state: "CounterState", now: datetime) -> "CounterState":
        """Return *state* minus one attempt, which succeeded or was not looked at.

        A wait that grows ends with it: the wait before was over, or it had not been allowed.
        """
        count = max(state.count - 1, 0)
        over = count < self.free or self.first is not None
        return CounterState(count, now if over else state.until, state.expires_at)


@dataclass(frozen=True)
class CounterState:
    """A counter's value: the attempts, when the next is allowed, and when it resets to zero."""

    count: int
    until: datetime
    expires_at: datetime


@dataclass(frozen=True)
class Counter:
    """A limit on one subject, by the key of its row: a hash, so rows reveal no email (TH-5)."""

    limit: Limit
    key: str


# The update changes nothing but locks the row, so that it cannot be deleted meanwhile.
LOCK = text(
    "INSERT INTO counters (key, count, until, expires_at) VALUES (:key, 0, :now, :now)"
    " ON CONFLICT (key) DO UPDATE SET count = counters.count"
).bindparams(bindparam("now", type_=UtcDateTime()))
READ = select(CounterRow.__table__).where(CounterRow.key.in_(bindparam("keys", expanding=True)))
RESET = delete(CounterRow).where(CounterRow.key == bindparam("counter"))
STORE = (
    update(CounterRow)
    .where(CounterRow.key == bindparam("counter"))
    .values(
        count=bindparam("new_count"),
        until=bindparam("new_until"),
        expires_at=bindparam("new_expires_at"),
    )
)


def take(
    connection: Connection,
    counters: Sequence[Counter],
    now: datetime,
    *,
    if_refused: Sequence[Counter] = (),
) -> set[Counter]:
    """Count one attempt in each of *counters*; return those in which it starts a wait.

    Raises TooMany when one of them is used up. The attempt then counts in *if_refused* alone and
    `counted` is true, unless one of those is used up as well (AV-1). Roll the transaction back
    after a refusal that wasn't counted, so that it leaves no rows.
    """
    states = _states(connection, {*counters, *if_refused}, now)

    def wait_for(some: Sequence[Counter]) -> timedelta:
        waits = [counter.limit.wait(states[counter.key], now) for counter in some]
        return max(waits, default=timedelta())

    wait = wait_for(counters)
    if wait > timedelta():
        counted = bool(if_refused) and wait_for(if_refused) <= timedelta()
        if counted:
            spent = {each.key: each.limit.spend(states[each.key], now) for each in if_refused}
            _store(connection, spent)
        raise TooMany(wait, counted=counted)
    after = {counter.key: counter.limit.spend(states[counter.key], now) for counter in counters}
    _store(connection, after)
    return {counter for counter in counters if after[counter.key].until > now}


def record_success(
    connection: Connection, own: Sequence[Counter], shared: Sequence[Counter], now: datetime
) -> None:
    """Reset the account's *own* counters and refund one attempt to each *shared* one."""
    states = _states(connection, {*own, *shared}, now)
    clear(connection, own)
    _store(
        connection,
        {counter.key: counter.limit.refund(states[counter.key], now) for counter in shared},
    )


def clear(connection: Connection, counters: Sequence[Counter]) -> None:
    """Reset *counters* after their user has authenticated, in the order of `_states`."""
    if counters:
        keys = sorted(counter.key for counter in counters)
        connection.execute(RESET, [{"counter": key} for key in keys])


def _states(
    connection: Connection, counters: Set[Counter], now: datetime
) -> dict[str, CounterState]:
    """Lock the rows of *counters*, in a fixed order to avoid deadlocks, and return their states."""
    keys = sorted(counter.key for counter in counters)
    connection.execute(LOCK, [{"key": key, "now": now} for key in keys])
    limits = {counter.key: counter.limit for counter in counters}
    rows = connection.execute(READ, {"keys": keys})
    return {
        row.key: limits[row.key].current(
            CounterState(row._mapping["count"], row.until, row.expires_at), now
        )
        for row in rows
    }


def _store(connection: Connection, states: dict[str, CounterState]) -> None:
    if not states:
        return
    connection.execute(
        STORE,
        [
            {
                "counter": key,
                "new_count": state.count,
                "new_until": state.until,
                "new_expires_at": state.expires_at,
            }
            for key, state in sorted(states.items())
        ],
    )
