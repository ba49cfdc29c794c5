"""Tickets: each gives one cookie, within half a minute, to one browser."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from auth import hand_off
from auth.administration import delete_account
from auth.audit import Event
from auth.feature import DeviceToken, Feature
from auth.hand_off import (
    LIFE,
    close_cookie,
    create_ticket,
    device_tokens,
    end_reason,
    exchange_ticket,
    mark_of,
    refresh,
)
from auth.housekeeping import purge_batch
from auth.rotation import OVERLAP, ROTATE_EVERY
from auth.service import AuthService
from auth.sessions import EndReason
from auth.step_up import confirm_password
from auth.users import Login
from db.engine import Database
from db.models import Session, Ticket
from tests.fixtures import LAPTOP, Clock, Person, open_session

BROWSER = "0123456789abcdef0123456789abcdef"
MOMENT = timedelta(seconds=1)


@pytest.fixture
def ticket(service: AuthService, ada: Person) -> str:
    """Return a ticket for a new session of Ada's, bound to BROWSER."""
    ticket = create_ticket(service, service.log_in(ada.email, ada.password, LAPTOP).token, BROWSER)
    assert ticket is not None
    return ticket


def replace_token(service: AuthService, token: str, clock: Clock) -> str:
    """Use a newer token of the same session until *token* is no longer valid; return it."""
    clock.advance(ROTATE_EVERY)
    newer = refresh(service, token)
    assert newer is not None
    assert service.resume(newer.token) is not None
    clock.advance(OVERLAP)
    return newer.token


def test_a_ticket_becomes_the_session_it_was_made_for(
    service: AuthService, ada: Person, ticket: str
) -> None:
    """CK-1: the cookie is set by an HTTP response."""
    login = exchange_ticket(service, ticket, BROWSER)

    assert login is not None
    assert service.resume(login.token) == login.user
    assert login.user.email == ada.email


def test_a_ticket_cannot_be_guessed(service: AuthService, ticket: str) -> None:
    """CK-1: 192 random bits, in base64."""
    token = exchange_ticket(service, ticket, BROWSER)
    assert token is not None
    other = create_ticket(service, token.token, BROWSER)

    assert len(ticket) == 32
    assert other != ticket


def test_a_ticket_that_was_made_up_opens_no_write_transaction(
    service: AuthService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-1: on SQLite there is one writer at a time, and anyone may send any text."""
    monkeypatch.setattr(service, "write", lambda: pytest.fail("a write transaction was opened"))

    assert exchange_ticket(service, "made-up", BROWSER) is None


def test_a_ticket_is_good_once(service: AuthService, ticket: str) -> None:
    """CK-1: a ticket that an attacker sees later is worthless."""
    exchange_ticket(service, ticket, BROWSER)

    again = exchange_ticket(service, ticket, BROWSER)

    assert again is None


def test_of_many_concurrent_exchanges_of_a_ticket_one_gets_the_cookie(
    service: AuthService, ticket: str
) -> None:
    """CK-1: single use holds under concurrency, on both databases."""
    with ThreadPoolExecutor(8) as pool:
        logins = list(pool.map(lambda _: exchange_ticket(service, ticket, BROWSER), range(8)))

    assert sum(login is not None for login in logins) == 1


def test_a_ticket_is_good_for_half_a_minute(
    service: AuthService, ticket: str, clock: Clock
) -> None:
    """CK-1: an unused ticket is worthless afterwards."""
    clock.advance(LIFE)

    login = exchange_ticket(service, ticket, BROWSER)

    assert login is None


def test_a_ticket_is_of_no_use_in_another_browser(service: AuthService, ticket: str) -> None:
    """CK-5: a planted ticket can't log a victim in to the attacker's account."""
    login = exchange_ticket(service, ticket, "another browser")

    assert login is None
    assert exchange_ticket(service, ticket, BROWSER) is None


def test_a_ticket_of_a_session_that_ended_meanwhile_is_refused(
    service: AuthService, ada: Person
) -> None:
    """SE-5: log-out overtakes a log-in that is still under way."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    ticket = create_ticket(service, token, BROWSER)
    service.log_out(token)

    login = exchange_ticket(service, ticket or "", BROWSER)

    assert login is None


def test_a_session_that_is_over_gets_no_ticket(service: AuthService, ada: Person) -> None:
    """SE-5: nor does what never was one."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    service.log_out(token)

    assert create_ticket(service, token, BROWSER) is None
    assert create_ticket(service, "no token at all", BROWSER) is None


def test_an_account_that_is_deleted_just_after_its_log_in_gets_no_ticket(
    service: AuthService, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GD-5: the database's refusal of a ticket for nothing is no fault to report."""
    token, read = service.log_in(ada.email, ada.password, LAPTOP).token, service.session

    def deleted(*given: Any, **named: Any) -> object:
        session = read(*given, **named)
        delete_account(service, ada.id)
        return session

    monkeypatch.setattr(service, "session", deleted)

    assert create_ticket(service, token, BROWSER) is None


def test_a_tab_with_a_replaced_token_gets_no_ticket_and_ends_nothing(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: the server has kept it since the browser sent it, so it proves no copy."""
    held = service.log_in(ada.email, ada.password, LAPTOP, remember=True).token
    newer = replace_token(service, held, clock)

    assert create_ticket(service, held, BROWSER) is None
    assert service.resume(newer) is not None


def test_the_database_holds_no_ticket_that_could_be_used(
    service: AuthService, database: Database, ticket: str
) -> None:
    """RS-1: only hashes are kept."""
    with database.read() as connection:
        rows = connection.execute(select(Ticket.__table__)).all()

    assert len(rows) == 1
    assert ticket not in str(rows)
    assert BROWSER not in str(rows)


@pytest.mark.parametrize("ticket", ["", "x", "\ud800", "'; DROP TABLE tickets; --", "a" * 10_000])
def test_what_is_no_ticket_is_refused_without_an_exception(
    service: AuthService, ticket: str
) -> None:
    """JWT-9: every text from a browser is hostile."""
    login = exchange_ticket(service, ticket, BROWSER)

    assert login is None


def test_unused_tickets_do_not_pile_up(
    service: AuthService, database: Database, ada: Person, clock: Clock
) -> None:
    """DB-7: the housekeeping after the next log-in deletes them."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    for _ in range(3):
        create_ticket(service, token, BROWSER)
    clock.advance(LIFE + MOMENT)

    purge_batch(service)

    with database.read() as connection:
        assert len(connection.execute(select(Ticket.hash)).all()) == 0


def test_a_log_in_ends_the_session_whose_cookie_it_replaces(
    service: AuthService, ada: Person
) -> None:
    """SE-1: a second log-in, in a tab whose connection began before the first one's."""
    first = service.log_in(ada.email, ada.password, LAPTOP).token
    second = service.log_in(ada.email, ada.password, LAPTOP).token
    ticket = create_ticket(service, second, BROWSER)

    login = exchange_ticket(service, ticket or "", BROWSER, cookie=first)

    assert login is not None
    assert end_reason(service, first) is EndReason.REPLACED
    assert service.resume(second) is not None


def test_a_log_in_ends_the_session_of_a_cookie_that_was_replaced_itself(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-1: whoever has the newer token is told of a log-in, not of a copied cookie."""
    old = service.log_in(ada.email, ada.password, LAPTOP, remember=True).token
    newer = replace_token(service, old, clock)
    ticket = create_ticket(service, service.log_in(ada.email, ada.password, LAPTOP).token, BROWSER)

    assert exchange_ticket(service, ticket or "", BROWSER, cookie=old) is not None

    assert end_reason(service, newer) is EndReason.REPLACED


def test_a_ticket_that_is_refused_ends_no_session(service: AuthService, ada: Person) -> None:
    """SE-1: the cookie is not replaced then."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    login = exchange_ticket(service, "made-up", BROWSER, cookie=token)

    assert login is None
    assert service.resume(token) is not None


def test_a_renewed_cookie_of_the_same_session_ends_nothing(
    service: AuthService, ada: Person
) -> None:
    """SE-1: after step-up the browser still presents the previous token."""
    before = service.log_in(ada.email, ada.password, LAPTOP).token
    after = confirm_password(service, open_session(service, before), ada.password).token
    ticket = create_ticket(service, after, BROWSER)

    login = exchange_ticket(service, ticket or "", BROWSER, cookie=before)

    assert login is not None
    assert service.resume(login.token) is not None


def test_a_late_log_out_leaves_the_log_in_that_followed(service: AuthService, ada: Person) -> None:
    """SE-5: a page ends its own session, whichever cookie the browser has by now."""
    first = service.log_in(ada.email, ada.password, LAPTOP).token
    mark = mark_of(service, first)
    service.log_out(first)
    second = service.log_in(ada.email, ada.password, LAPTOP).token

    forget_second = close_cookie(service, second, mark)
    forget_first = close_cookie(service, first, mark)

    assert not forget_second
    assert service.resume(second) is not None
    assert forget_first


@pytest.mark.parametrize("marked", [True, False])
def test_a_log_out_ends_the_session_of_its_cookie(
    service: AuthService, ada: Person, marked: bool
) -> None:
    """SE-5: the page's own session, or the browser's where the page names none."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    assert close_cookie(service, token, mark_of(service, token) if marked else None)

    assert service.resume(token) is None


def test_a_late_log_out_is_no_copy_of_the_cookie_that_it_finds(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: the cookie may be an older one of another session, which goes on."""
    old = service.log_in(ada.email, ada.password, LAPTOP, remember=True).token
    newer = replace_token(service, old, clock)

    close_cookie(service, old, "the mark of another session")

    assert service.resume(newer) is not None


def test_the_use_of_an_ended_session_is_logged_with_its_ids(
    service: AuthService, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LG-1: whose it was, and which."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    session = open_session(service, token)
    service.log_out(token)
    noted: list[tuple[Event, dict[str, str]]] = []
    monkeypatch.setattr(hand_off, "note", lambda event, now, **about: noted.append((event, about)))

    end_reason(service, token)

    assert noted == [(Event.USED_AFTER_END, {"user_id": ada.id, "session_id": session.id})]


def test_a_session_that_was_deleted_has_no_reason(
    service: AuthService, ada: Person, database: Database
) -> None:
    """SE-2: its account may be gone, and its token is still one of ours."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    with database.write() as connection:
        connection.execute(delete(Session))

    assert end_reason(service, token) is None


@pytest.mark.parametrize("cookie", [None, "", "no token at all"])
def test_a_cookie_that_opens_nothing_may_be_forgotten(
    service: AuthService, ada: Person, cookie: str | None
) -> None:
    """SE-5: log-out leaves no dead cookie behind."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    forget = close_cookie(service, cookie, mark_of(service, token))

    assert forget


def test_a_log_in_brings_what_features_have_the_browser_keep(
    service: AuthService, ada: Person
) -> None:
    """SF-6: each is asked about this log-in, and may have nothing."""
    login = service.log_in(ada.email, ada.password, LAPTOP)
    token = DeviceToken("a token", 60)
    asked: list[tuple[AuthService, Login]] = []

    def note(auth: AuthService, login: Login) -> DeviceToken:
        asked.append((auth, login))
        return token

    service.features = (
        Feature("one"),
        Feature("two", device_token=lambda auth, login: None),
        Feature("three", device_token=note),
    )

    assert device_tokens(service, login) == [token]
    assert asked == [(service, login)]
