"""In any order of events, no session is open with one factor where two are required."""

from datetime import timedelta
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from auth.administration import disable, enable
from auth.challenge import find_challenge
from auth.client import Client
from auth.errors import AuthError, StepNeeded
from auth.passwords import hash_password
from auth.service import AuthService
from auth.step_up import confirm_password
from auth.users import find_by_email, read_email, set_password
from db.engine import Database
from features import FEATURES
from features.two_factor import rules
from features.two_factor.codes import PERIOD, code_at
from features.two_factor.test_two_factor import secret_of
from tests.fixtures import NOON, Clock, make_settings, open_session

EMAIL, PASSWORDS = "ada@example.com", ("kumquat lantern orbit", "difference engine number two")
BROWSERS = [Client(ip="192.0.2.7", browser=name) for name in ("laptop", "phone")]
MODES = ("off", "optional", "required")
browsers, guesses = st.sampled_from(BROWSERS), st.sampled_from(PASSWORDS)


class Factors(RuleBasedStateMachine):
    """Ada and an attacker who knows her password: log-ins, set-ups, resets and operators."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        copyfile(self.template, Path(self.folder.name) / "app.db")
        self.database = Database(f"sqlite:///{self.folder.name}/app.db")
        self.clock = Clock(NOON)
        self.challenges: list[tuple[str, Client]] = []
        self.tokens: list[str] = []
        self.secret: bytes | None = None
        self.recovery: list[str] = []
        self.password = PASSWORDS[0]
        self.operate("optional")

    @initialize()
    def sign_up(self) -> None:
        """Ada has an account."""
        self.user = self.auth.sign_up(EMAIL, self.password, "Ada")

    @rule(mode=st.sampled_from(MODES))
    def operate(self, mode: str) -> None:
        """The operator changes the setting."""
        self.mode = mode
        settings = make_settings(two_factor=mode)
        self.auth = AuthService(self.database, settings, features=FEATURES, clock=self.clock)
        rules.at_start(self.auth)

    @rule(password=guesses, client=browsers)
    def log_in(self, password: str, client: Client) -> None:
        """Enter a password."""
        self.clock.advance(timedelta(minutes=1))
        try:
            login = self.auth.log_in(EMAIL, password, client)
        except StepNeeded as needed:
            self.challenges.append((needed.token, client))
        except AuthError:
            pass
        else:
            assert password == self.password
            assert self.mode == "off" or (self.mode == "optional" and self.secret is None)
            self.tokens.append(login.token)

    @rule(data=st.data(), good=st.booleans(), elsewhere=st.booleans(), by=st.sampled_from("cr"))
    def meet(self, data: st.DataObject, good: bool, elsewhere: bool, by: str) -> None:
        """Answer any challenge there ever was, rightly or wrongly, also in the other browser."""
        if not self.challenges:
            return
        token, client = data.draw(st.sampled_from(self.challenges))
        client = next(each for each in BROWSERS if each != client) if elsewhere else client
        recovery = by == "r"
        typed = self.answer(recovery) if good else "000000"
        try:
            login = rules.log_in_with_code(self.auth, token, typed, client, recovery=recovery)
        except AuthError:
            return
        assert good and not elsewhere and self.secret
        self.tokens.append(login.token)

    @rule(data=st.data())
    def set_up_at_log_in(self, data: st.DataObject) -> None:
        """Set an app up in a challenge."""
        if not self.challenges:
            return
        token, client = data.draw(st.sampled_from(self.challenges))
        pending = find_challenge(self.auth, token, client)
        if pending is None:
            return
        secret = secret_of(rules.key_for_challenge(self.auth, pending))
        try:
            login, made = rules.set_up_at_log_in(self.auth, token, self.code(secret), client)
        except AuthError:
            return
        assert self.secret is None
        self.turned_on(secret, login.token, made)

    @rule(data=st.data(), confirm=st.booleans(), off=st.booleans())
    def change(self, data: st.DataObject, confirm: bool, off: bool) -> None:
        """Set an app up, or turn it off, in any session there ever was."""
        if not self.tokens:
            return
        token = data.draw(st.sampled_from(self.tokens))
        try:
            if confirm:
                session = open_session(self.auth, token)
                token = confirm_password(self.auth, session, self.password).token
                self.tokens.append(token)
            session = open_session(self.auth, token)
            if off:
                login = rules.turn_off(self.auth, session, self.answer(), BROWSERS[0])
            else:
                secret = secret_of(rules.key_for_session(self.auth, session))
                login, made = rules.set_up(self.auth, session, self.code(secret), BROWSERS[0])
        except AuthError:
            return
        if off:
            assert self.secret
            self.secret, self.recovery = None, []
            self.tokens.append(login.token)
        else:
            assert self.secret is None
            self.turned_on(secret, login.token, made)

    @rule(password=guesses)
    def reset(self, password: str) -> None:
        """SF-5: a reset by email, which skips no factor."""
        self.password = password
        with self.auth.write() as connection:
            row = find_by_email(connection, read_email(EMAIL))
            assert row
            set_password(connection, row.id, hash_password(password, self.auth.scheme))

    @rule()
    def help_out(self) -> None:
        """The operator removes the factor of a user who lost it."""
        rules.turn_off_for(self.auth, self.user.id)
        self.secret, self.recovery = None, []

    @rule()
    def disable(self) -> None:
        """Off and on again."""
        disable(self.auth, self.user.id)
        enable(self.auth, self.user.id)

    @rule(minutes=st.integers(1, 6))
    def wait(self, minutes: int) -> None:
        """Time passes."""
        self.clock.advance(timedelta(minutes=minutes))

    @invariant()
    def no_session_has_too_few_factors(self) -> None:
        """SF-1: of all tokens ever handed out, an open one has what is required now."""
        for token in self.tokens:
            session = self.auth.session(token, trusted=True)
            if session is None or not session.is_open or self.mode == "off":
                continue
            if self.mode == "required" or self.secret:
                assert session.two_factors

    def turned_on(self, secret: bytes, token: str, made: list[str]) -> None:
        """Remember the app that is in use from now on."""
        self.secret, self.recovery = secret, made
        self.tokens.append(token)

    def code(self, secret: bytes) -> str:
        """Return the code of the next half minute."""
        self.clock.advance(timedelta(seconds=PERIOD))
        return code_at(secret, int(self.clock().timestamp()) // PERIOD)

    def answer(self, recovery: bool = False) -> str:
        """Return what the owner of the app would type."""
        if recovery:
            return self.recovery.pop() if self.recovery else "none"
        return self.code(self.secret) if self.secret else "000000"

    def teardown(self) -> None:
        """Close the database."""
        self.database.close()
        self.folder.cleanup()


def test_no_order_of_events_opens_a_session_with_too_few_factors(sqlite_template: Path) -> None:
    """SF-1: thirty histories of up to thirty events."""
    Factors.template = sqlite_template
    run_state_machine_as_test(
        Factors,
        settings=profile(max_examples=30, stateful_step_count=30, deadline=None, database=None),
    )
