"""Stages: a feature's steps between the password and the session."""

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from auth.administration import disable
from auth.client import Client
from auth.errors import AuthError, LogInRefused, TooMany
from auth.feature import Feature
from auth.limits import LOG_IN_ACCOUNT, MOST_FAILURES
from auth.service import AuthService
from auth.users import Account, update_user
from db.engine import Database
from db.models import Session as SessionRow
from settings import Settings
from tests.conftest import LAPTOP, Clock, Person

Stage = Callable[[AuthService, Account, Client], None]
ServiceWith = Callable[..., AuthService]


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
