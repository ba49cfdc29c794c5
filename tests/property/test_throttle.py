"""In any order of events, the throttle behaves like a model of twenty lines."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from auth.errors import TooMany
from auth.throttle import SKEW, Limit, clear, record_success, take
from db.engine import Database
from tests.fixtures import NOON, Clock

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
DAY = timedelta(days=1)
WAITING = Limit("waiting", 3, 24 * HOUR, 30 * SECOND, 10 * MINUTE)
WINDOW = Limit("window", 4, 15 * MINUTE)
SUBJECTS = ("ada", "bob")


@dataclass
class Model:
    """The model of one counter."""

    limit: Limit
    count: int = 0
    until: datetime = NOON
    forgotten: datetime = NOON

    def look(self, now: datetime) -> timedelta:
        """Return the wait, after dropping an expired count."""
        if now >= self.forgotten:
            self.count, self.until = 0, now
        if self.limit.first is None and self.forgotten - now > self.limit.forget + SKEW:
            self.count, self.until = 0, now  # a window that begins in the future
        if self.limit.first is not None and self.until - now > self.limit.longest + SKEW:
            self.until = now
        if self.count < self.limit.free:
            return timedelta()
        return min(max(self.until - now, timedelta()), longest_wait(self.limit))

    def spend(self, now: datetime) -> None:
        """Count one attempt."""
        self.count += 1
        if self.limit.first is None:
            self.forgotten = now + self.limit.forget if self.count == 1 else self.forgotten
            self.until = self.forgotten if self.count >= self.limit.free else now
        elif self.count < self.limit.free:
            self.until, self.forgotten = now, now + HOUR
        else:
            wait = self.limit.first * 2 ** (self.count - self.limit.free)
            self.until = now + min(wait, self.limit.longest)
            self.forgotten = self.until + self.limit.forget

    def refund(self, now: datetime) -> None:
        """Refund one attempt."""
        self.count = max(self.count - 1, 0)
        if self.count < self.limit.free or self.limit.first is not None:
            self.until = now


def longest_wait(limit: Limit) -> timedelta:
    """Return the longest wait that *limit* names."""
    return limit.forget if limit.first is None else limit.longest


class Tries(RuleBasedStateMachine):
    """Attempts on two subjects, each under both kinds of limit, while time passes."""

    template: Path

    @initialize()
    def start(self) -> None:
        """Create a new database and clock."""
        self.folder = TemporaryDirectory()
        path = copyfile(self.template, Path(self.folder.name) / "app.db")
        self.clock, self.database = Clock(), Database(f"sqlite:///{path}")
        self.models = {name: [Model(limit) for limit in (WAITING, WINDOW)] for name in SUBJECTS}
        self.spent: list[str] = []

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.database.close()
        self.folder.cleanup()

    @rule(subject=st.sampled_from(SUBJECTS))
    def attempt(self, subject: str) -> None:
        """TH-1, TH-3: allowed while no counter waits, and then counted in all; else in none."""
        now, models = self.clock.now, self.models[subject]
        wait = max(model.look(now) for model in models)
        counters = [model.limit.on(subject) for model in models]
        if wait:
            with pytest.raises(TooMany) as refused, self.database.write() as connection:
                take(connection, counters, now)
            assert refused.value.wait == wait
            assert wait <= max(longest_wait(model.limit) for model in models)
            return
        for model in models:
            model.spend(now)
        with self.database.write() as connection:
            begun = take(connection, counters, now)
        assert begun == {model.limit.on(subject) for model in models if model.until > now}
        self.spent.append(subject)

    @precondition(lambda self: self.spent)
    @rule(data=st.data())
    def return_one(self, data: st.DataObject) -> None:
        """TH-1: a successful attempt is refunded."""
        subject, now = data.draw(st.sampled_from(self.spent)), self.clock.now
        models = self.models[subject]
        for model in models:
            model.look(now)
            model.refund(now)
        with self.database.write() as connection:
            record_success(connection, [], [model.limit.on(subject) for model in models], now)

    @rule(subject=st.sampled_from(SUBJECTS))
    def forgive(self, subject: str) -> None:
        """TH-1: success resets the failures."""
        self.models[subject][0] = Model(WAITING)
        with self.database.write() as connection:
            clear(connection, [WAITING.on(subject)])

    @rule(
        by=st.sampled_from([SECOND, 29 * SECOND, 30 * SECOND, 15 * MINUTE, HOUR, 25 * HOUR])
        | st.timedeltas(SECOND, 30 * MINUTE)
    )
    def wait(self, by: timedelta) -> None:
        """TH-1: waits end by themselves."""
        self.clock.advance(by - timedelta(microseconds=by.microseconds))

    @rule(by=st.sampled_from([-30 * DAY, -DAY, -HOUR, -SKEW, -SECOND, SECOND, SKEW, DAY, 30 * DAY]))
    def set_the_clock(self, by: timedelta) -> None:
        """AV-6: a clock that is set wrong and corrected makes no wait longer than the policy's."""
        self.clock.advance(by)


def test_the_throttle_does_what_the_model_says(sqlite_template: Path) -> None:
    """TH-1, TH-3: no order of attempts gets more than allowed, or waits longer than stated."""
    Tries.template = sqlite_template

    run_state_machine_as_test(Tries, settings=profile(max_examples=30, stateful_step_count=40))
