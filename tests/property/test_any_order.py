"""In any order of events, the service behaves like a model of twenty lines."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from auth.administration import disable, enable
from auth.errors import EmailTaken, LogInRefused, TooMany
from auth.service import AuthService
from auth.sessions import TOUCH_EVERY, Client
from db.engine import Database
from tests.fixtures import NOON, Clock, make_settings

SETTINGS = make_settings()
PASSWORDS = ("kumquat lantern orbit", "difference engine number two")
EMAILS = ("ada@example.com", "ADA@example.com", "bob@example.com")
IDLE = (SETTINGS.session_idle_age, SETTINGS.session_remember_idle_age)
LIFE = (SETTINGS.session_max_age, SETTINGS.session_remember_age)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
FREE = 5  # wrong passwords before the first wait


@dataclass
class Account:
    """The model of an account."""

    id: str
    password: str
    active: bool = True


@dataclass
class Opened:
    """The model of a session."""

    account: Account
    seen: datetime
    ends: datetime
    idle: timedelta
    ended: bool = False

    def alive(self, now: datetime) -> bool:
        """Return whether it is open."""
        return not self.ended and now < self.ends and now < self.seen + self.idle


@dataclass
class Tries:
    """The model of the wrong passwords that attackers tried on an email."""

    count: int = 0
    until: datetime = NOON
    forgotten: datetime = NOON

    def fail(self, now: datetime) -> None:
        """Count one: from the fifth on the waits double, from half a minute to an hour (TH-1)."""
        self.count = self.count + 1 if now < self.forgotten else 1
        waits = self.count - FREE
        self.until = now + min(30 * SECOND * 2**waits, HOUR) if waits >= 0 else now
        self.forgotten = self.until + (24 * HOUR if waits >= 0 else HOUR)


class Browsers(RuleBasedStateMachine):
    """People who sign up, log in, come back, log out and are disabled while time passes."""

    template: Path
    tokens: Bundle[str] = Bundle("tokens")

    @initialize()
    def start(self) -> None:
        """Create a new database and clock."""
        self.folder = TemporaryDirectory()
        path = copyfile(self.template, Path(self.folder.name) / "app.db")
        self.clock = Clock()
        self.database = Database(f"sqlite:///{path}")
        self.service = AuthService(self.database, SETTINGS, clock=self.clock)
        self.accounts: dict[str, Account] = {}
        self.sessions: dict[str, Opened] = {}
        self.tries: dict[str, Tries] = {}

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.database.close()
        self.folder.cleanup()

    @rule(email=st.sampled_from(EMAILS), password=st.sampled_from(PASSWORDS))
    def sign_up(self, email: str, password: str) -> None:
        """DB-1: an email has one account."""
        key = email.lower()
        if key in self.accounts:
            with pytest.raises(EmailTaken):
                self.service.sign_up(email, password)
        else:
            user = self.service.sign_up(email, password)
            self.accounts[key] = Account(user.id, password)

    @rule(
        target=tokens,
        email=st.sampled_from(EMAILS),
        password=st.sampled_from(PASSWORDS),
        remember=st.booleans(),
        brought=st.none() | tokens,
    )
    def log_in(
        self, email: str, password: str, remember: bool, brought: str | None
    ) -> str | MultipleResults[str]:
        """SE-1, TH-1: the right password starts a session and ends the one presented."""
        account = self.accounts.get(email.lower())
        client = Client(token=brought)
        tries = self.tries.setdefault(email.lower(), Tries())
        if self.clock.now < tries.until:
            with pytest.raises(TooMany):
                self.service.log_in(email, password, client, remember)
            return multiple()
        if account is None or not account.active or account.password != password:
            with pytest.raises(LogInRefused):
                self.service.log_in(email, password, client, remember)
            tries.fail(self.clock.now)
            return multiple()
        self.tries.pop(email.lower())
        token = self.service.log_in(email, password, client, remember).token
        now = self.clock.now
        if brought:
            self.sessions[brought].ended = True
        self.sessions[token] = Opened(account, now, now + LIFE[remember], IDLE[remember])
        return token

    @rule(token=tokens)
    def resume(self, token: str) -> None:
        """SE-2, SE-4: open or not, and recorded as used at most once a minute."""
        session, now = self.sessions[token], self.clock.now
        user = self.service.resume(token)

        assert (user.id if user else None) == (session.account.id if session.alive(now) else None)
        if user and now - session.seen >= TOUCH_EVERY:
            session.seen = now

    @rule(token=consumes(tokens) | tokens)
    def log_out(self, token: str) -> None:
        """SE-5: ended, whether it was open or not."""
        self.service.log_out(token)

        assert self.service.resume(token) is None
        self.sessions[token].ended = True

    @rule(email=st.sampled_from(EMAILS), active=st.booleans())
    def switch(self, email: str, active: bool) -> None:
        """SE-6: disabling, and enabling too, ends open sessions."""
        if account := self.accounts.get(email.lower()):
            (enable if active else disable)(self.service, account.id)
            account.active = active
            for session in self.sessions.values():
                session.ended |= session.account is account

    @rule(
        by=st.sampled_from([SECOND, TOUCH_EVERY - SECOND, TOUCH_EVERY, *IDLE, *LIFE])
        | st.timedeltas(SECOND, max(IDLE)).map(lambda by: by - by % SECOND)
    )
    def wait(self, by: timedelta) -> None:
        """SE-3: time passes."""
        self.clock.advance(by)

    @rule(token=tokens, which=st.sampled_from(["idle", "end"]), by=st.sampled_from([-1, 0]))
    def wait_until_the_edge(self, token: str, which: str, by: int) -> None:
        """SE-3, SE-4: to the last second of a session, and to the first after it."""
        session = self.sessions[token]
        edge = session.ends if which == "end" else session.seen + session.idle
        self.clock.now = max(self.clock.now, edge + by * SECOND)

    @invariant()
    def only_the_living_are_seen(self) -> None:
        """SE-2: reading changes nothing and agrees with the model for every token issued."""
        for token, session in getattr(self, "sessions", {}).items():
            seen = self.service.resume(token, touch=False) is not None
            assert seen == session.alive(self.clock.now)


def test_any_order_of_events_ends_as_the_model_says(sqlite_template: Path) -> None:
    """SE-1 to SE-6, SE-11: no sequence of verbs keeps an ended session or ends an open one."""
    Browsers.template = sqlite_template

    run_state_machine_as_test(Browsers, settings=profile(max_examples=25, stateful_step_count=30))
