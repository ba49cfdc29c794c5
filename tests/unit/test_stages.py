"""Stages: a feature's steps between the password and the session."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from auth.administration import delete_account, disable, end_every_session
from auth.challenge import LIFE
from auth.client import Client
from auth.errors import AuthError, LogInRefused, StepNeeded, StepOver, TooMany
from auth.feature import Feature
from auth.limits import LOG_IN_ACCOUNT, LOG_IN_KNOWN, MOST_FAILURES
from auth.log_in import log_in_owner
from auth.service import AuthService
from auth.stages import pass_stage
from auth.users import Account, update_user
from db.engine import Database
from db.models import Session as SessionRow
from settings import Settings
from tests.fixtures import LAPTOP, Clock, Person

Stage = Callable[[AuthService, Account, Client], None]
ServiceWith = Callable[..., AuthService]
BROWSER = replace(LAPTOP, browser="a nonce")
CAFE = Client("203.0.113.9", "Mozilla/5.0")


class CodeNeeded(AuthError):
    """Raised by a stage to ask for more."""


@pytest.fixture
def service_with(database: Database, settings: Settings, clock: Clock) -> ServiceWith:
    """Return a function that creates a service with the test's own stages."""

    def make(*stages: Stage) -> AuthService:
        features = [Feature(name=f"stage{n}", stage=stage) for n, stage in enumerate(stages)]
        return AuthService(database, settings, features=features, clock=clock)

    return make


def sessions(database: Database) -> int:
    """Return the number of sessions."""
    with database.read() as connection:
        return connection.scalar(select(func.count()).select_from(SessionRow)) or 0


def ask(auth: AuthService, account: Account, client: Client) -> None:
    """Ask for a code."""
    raise CodeNeeded


def test_stages_run_in_order_after_the_password_and_before_the_session(
    service_with: ServiceWith, ada: Person, database: Database
) -> None:
    """SF-1: each sees the account and the client; the session begins after the last."""
    seen: list[tuple[int, str, Client, int]] = []
    stages = [
        lambda auth, account, client, n=n: seen.append((n, account.id, client, sessions(database)))
        for n in (1, 2)
    ]

    login = service_with(*stages).log_in(ada.email, ada.password, LAPTOP)

    assert seen == [(1, ada.id, LAPTOP, 0), (2, ada.id, LAPTOP, 0)]
    assert service_with().resume(login.token) is not None


def test_a_stage_that_asks_for_more_opens_no_session_and_stops_the_rest(
    service_with: ServiceWith, ada: Person, database: Database
) -> None:
    """SF-1: between the steps there is neither a session nor a token."""
    later: list[str] = []

    with pytest.raises(CodeNeeded):
        service_with(ask, lambda *_: later.append("ran")).log_in(ada.email, ada.password, LAPTOP)

    assert later == []
    assert sessions(database) == 0


def test_only_an_account_that_may_enter_reaches_a_stage(
    service_with: ServiceWith, ada: Person, database: Database
) -> None:
    """SF-1, EN-1: wrong password, unknown, disabled and locked out get the one answer."""
    service = service_with(ask)

    with pytest.raises(LogInRefused):
        service.log_in(ada.email, "not the password at all", LAPTOP)
    with pytest.raises(LogInRefused):
        service.log_in("grace@example.com", ada.password, LAPTOP)
    with database.write() as connection:
        update_user(connection, ada.id, failures=MOST_FAILURES)
    with pytest.raises(LogInRefused):
        service.log_in(ada.email, ada.password, LAPTOP)
    with database.write() as connection:
        update_user(connection, ada.id, failures=0)
    disable(service, ada.id)
    with pytest.raises(LogInRefused):
        service.log_in(ada.email, ada.password, LAPTOP)


def test_who_has_just_shown_the_password_meets_the_same_stages_and_limits_without_a_bcrypt(
    service_with: ServiceWith, ada: Person, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SF-1, AV-1, TH-1: after a sign-up, an invitation, or a confirmation by the password."""
    monkeypatch.setattr("auth.log_in.verify_password", lambda *_: pytest.fail("a bcrypt"))
    monkeypatch.setattr("auth.log_in.equalize_timing", lambda *_: pytest.fail("a bcrypt"))
    service, asking = service_with(), service_with(ask)

    with pytest.raises(CodeNeeded):
        log_in_owner(asking, ada.id, LAPTOP)
    assert sessions(database) == 0
    assert service.resume(log_in_owner(service, ada.id, LAPTOP).token)

    for _ in range(LOG_IN_KNOWN.free):
        with pytest.raises(CodeNeeded):
            log_in_owner(asking, ada.id, LAPTOP)
    with pytest.raises(TooMany):
        log_in_owner(service, ada.id, LAPTOP)
    disable(service, ada.id)
    for owner in (ada.id, "nobody"):
        with pytest.raises(LogInRefused):
            log_in_owner(service, owner, CAFE)


def test_the_counters_are_refunded_only_after_the_last_stage(
    service_with: ServiceWith, ada: Person
) -> None:
    """SF-2, TH-1: an attacker with only the password gets no extra guesses at the code."""
    asking = service_with(ask)
    for _ in range(LOG_IN_ACCOUNT.free):
        with pytest.raises(CodeNeeded):
            asking.log_in(ada.email, ada.password, LAPTOP)

    with pytest.raises(TooMany):
        asking.log_in(ada.email, ada.password, LAPTOP)


def test_a_log_in_that_passes_every_stage_resets_the_counters(
    service_with: ServiceWith, ada: Person
) -> None:
    """TH-1: attempts before it are forgotten."""
    for _ in range(2 * LOG_IN_ACCOUNT.free):
        with pytest.raises(CodeNeeded):
            service_with(ask).log_in(ada.email, ada.password, LAPTOP)
        assert service_with(lambda *_: None).log_in(ada.email, ada.password, LAPTOP)


def ask_a_step(auth: AuthService, account: Account, client: Client) -> None:
    """Ask for a step with a challenge."""
    raise StepNeeded


@pytest.mark.parametrize("asks", [False, True])
def test_an_account_that_is_deleted_after_its_password_was_checked_is_refused_like_any_other(
    service_with: ServiceWith, ada: Person, asks: bool
) -> None:
    """GD-5: the database's refusal of a session for nobody is no fault to report."""

    def delete(auth: AuthService, account: Account, client: Client) -> None:
        delete_account(auth, account.id)
        if asks:
            raise StepNeeded

    with pytest.raises(LogInRefused):
        service_with(delete).log_in(ada.email, ada.password, BROWSER)


def begin(service: AuthService, ada: Person, client: Client = BROWSER, **how: bool) -> str:
    """Log in as far as the challenge and return its token."""
    with pytest.raises(StepNeeded) as asked:
        service.log_in(ada.email, ada.password, client, **how)
    return asked.value.token


def test_a_challenge_that_is_met_opens_the_session(
    service_with: ServiceWith, ada: Person, database: Database, clock: Clock
) -> None:
    """SF-1: no session before; after it, as long as was chosen, and the counters are reset."""
    service = service_with(ask_a_step)
    token = begin(service, ada, remember=True)
    assert sessions(database) == 0

    login = pass_stage(service, token, BROWSER, "stage0")

    assert login.expires_at == clock() + service.settings.session_remember_age
    assert service.resume(login.token) is not None
    for _ in range(LOG_IN_KNOWN.free):
        begin(service, ada)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda service, ada, clock: clock.advance(LIFE),
        lambda service, ada, clock: disable(service, ada.id),
        lambda service, ada, clock: end_every_session(service, ada.id),  # as a new password does
        lambda service, ada, clock: begin(service, ada),
        lambda service, ada, clock: wrong_password(service, ada),
        lambda service, ada, clock: lock_out(service, ada),
    ],
    ids=["late", "disabled", "changed", "again", "another password", "locked out"],
)
def test_a_challenge_that_is_over_opens_nothing(
    service_with: ServiceWith,
    ada: Person,
    database: Database,
    clock: Clock,
    spoil: Callable[[AuthService, Person, Clock], object],
) -> None:
    """SF-1: the account is looked at again, and another attempt in the browser ends it."""
    service = service_with(ask_a_step)
    token = begin(service, ada)

    spoil(service, ada, clock)

    with pytest.raises(StepOver):
        pass_stage(service, token, BROWSER, "stage0")
    assert sessions(database) == 0


def wrong_password(service: AuthService, ada: Person) -> None:
    """Try a wrong password in the browser of the challenge."""
    with pytest.raises(LogInRefused):
        service.log_in(ada.email, "not the password at all", BROWSER)


def lock_out(service: AuthService, ada: Person) -> None:
    """Have a hundred wrong passwords tried meanwhile."""
    with service.database.write() as connection:
        update_user(connection, ada.id, failures=MOST_FAILURES)


def test_a_challenge_works_once_in_its_browser_and_for_its_stage(
    service_with: ServiceWith, ada: Person, database: Database
) -> None:
    """SF-1: one copied from the address bar is worthless elsewhere; of twenty clicks one wins."""
    service = service_with(ask_a_step)
    token = begin(service, ada)
    for client, stage in ((replace(BROWSER, browser="another"), "stage0"), (BROWSER, "stage1")):
        with pytest.raises(StepOver):
            pass_stage(service, token, client, stage)

    def finish(_: int) -> bool:
        try:
            return bool(pass_stage(service, token, BROWSER, "stage0"))
        except StepOver:
            return False

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(finish, range(20))) == 1
    assert sessions(database) == 1


def test_each_stage_that_asks_has_a_challenge_of_its_own(
    service_with: ServiceWith, ada: Person, database: Database
) -> None:
    """SF-1: the first one's token does not pass the second."""
    service = service_with(ask_a_step, ask_a_step)
    first = begin(service, ada)

    with pytest.raises(StepNeeded) as asked:
        pass_stage(service, first, BROWSER, "stage0")

    for token, stage in ((first, "stage0"), (first, "stage1"), (asked.value.token, "stage0")):
        with pytest.raises(StepOver):
            pass_stage(service, token, BROWSER, stage)
    assert sessions(database) == 0
    assert pass_stage(service, asked.value.token, BROWSER, "stage1")
