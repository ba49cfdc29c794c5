"""Tickets: one cookie each, soon, and for one browser."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from auth.service import AuthService
from auth.sessions import EndReason
from auth.tickets import LIFE
from db.engine import Database
from db.models import Ticket
from tests.conftest import LAPTOP, Clock, Person

BROWSER = "0123456789abcdef0123456789abcdef"
MOMENT = timedelta(seconds=1)


@pytest.fixture
def ticket(service: AuthService, ada: Person) -> str:
    """Return a ticket for a new session of Ada's, bound to BROWSER."""
    ticket = service.ticket(service.log_in(ada.email, ada.password, LAPTOP).token, BROWSER)
    assert ticket is not None
    return ticket


def test_a_ticket_becomes_the_session_it_was_made_for(
    service: AuthService, ada: Person, ticket: str
) -> None:
    """CK-1: the cookie is set by an HTTP answer."""
    login = service.exchange_ticket(ticket, BROWSER)

    assert login is not None
    assert service.resume(login.token) == login.user
    assert login.user.email == ada.email


def test_a_ticket_cannot_be_guessed(service: AuthService, ticket: str) -> None:
    """CK-1: 192 random bits, in base64."""
    token = service.exchange_ticket(ticket, BROWSER)
    assert token is not None
    other = service.ticket(token.token, BROWSER)

    assert len(ticket) == 32
    assert other != ticket


def test_a_ticket_is_good_once(service: AuthService, ticket: str) -> None:
    """CK-1: a ticket seen by somebody else is worth nothing."""
    service.exchange_ticket(ticket, BROWSER)

    again = service.exchange_ticket(ticket, BROWSER)

    assert again is None


def test_of_many_who_redeem_a_ticket_at_once_one_gets_the_cookie(
    service: AuthService, ticket: str
) -> None:
    """CK-1: single use holds under concurrency, on both databases."""
    with ThreadPoolExecutor(8) as pool:
        logins = list(pool.map(lambda _: service.exchange_ticket(ticket, BROWSER), range(8)))

    assert sum(login is not None for login in logins) == 1


def test_a_ticket_is_good_for_half_a_minute(
    service: AuthService, ticket: str, clock: Clock
) -> None:
    """CK-1: what nobody came for is worth nothing."""
    clock.advance(LIFE)

    login = service.exchange_ticket(ticket, BROWSER)

    assert login is None


def test_a_ticket_is_of_no_use_in_another_browser(service: AuthService, ticket: str) -> None:
    """CK-5: nobody can be logged in as somebody else by a planted ticket."""
    login = service.exchange_ticket(ticket, "another browser")

    assert login is None
    assert service.exchange_ticket(ticket, BROWSER) is None


def test_a_ticket_of_a_session_that_ended_meanwhile_is_refused(
    service: AuthService, ada: Person
) -> None:
    """SE-5: log-out overtakes a log-in that is still on its way."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    ticket = service.ticket(token, BROWSER)
    service.log_out(token)

    login = service.exchange_ticket(ticket or "", BROWSER)

    assert login is None


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
    login = service.exchange_ticket(ticket, BROWSER)

    assert login is None


def test_tickets_nobody_came_for_do_not_pile_up(
    service: AuthService, database: Database, ada: Person, clock: Clock
) -> None:
    """DB-7: the housekeeping after the next log-in sweeps them out."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token
    for _ in range(3):
        service.ticket(token, BROWSER)
    clock.advance(LIFE + MOMENT)

    service.purge_batch()

    with database.read() as connection:
        assert len(connection.execute(select(Ticket.hash)).all()) == 0


def test_a_log_in_ends_the_session_whose_cookie_it_replaces(
    service: AuthService, ada: Person
) -> None:
    """SE-1: a second log-in, in a tab whose connection began before the first one's."""
    first = service.log_in(ada.email, ada.password, LAPTOP).token
    second = service.log_in(ada.email, ada.password, LAPTOP).token
    ticket = service.ticket(second, BROWSER)

    login = service.exchange_ticket(ticket or "", BROWSER, cookie=first)

    assert login is not None
    assert service.end_reason(first) is EndReason.REPLACED
    assert service.resume(second) is not None


def test_a_ticket_that_is_refused_ends_no_session(service: AuthService, ada: Person) -> None:
    """SE-1: nothing takes the place of the cookie then."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    login = service.exchange_ticket("made-up", BROWSER, cookie=token)

    assert login is None
    assert service.resume(token) is not None


def test_a_renewed_cookie_of_the_same_session_ends_nothing(
    service: AuthService, ada: Person
) -> None:
    """SE-1: after step-up the browser still brings the token from before."""
    before = service.log_in(ada.email, ada.password, LAPTOP).token
    after = service.confirm_password(before, ada.password).token
    ticket = service.ticket(after, BROWSER)

    login = service.exchange_ticket(ticket or "", BROWSER, cookie=before)

    assert login is not None
    assert service.resume(login.token) is not None


def test_a_late_log_out_leaves_the_log_in_that_followed(service: AuthService, ada: Person) -> None:
    """SE-5: a page means the session it was in, whatever cookie the browser has by now."""
    first = service.log_in(ada.email, ada.password, LAPTOP).token
    mark = service.mark_of(first)
    service.log_out(first)
    second = service.log_in(ada.email, ada.password, LAPTOP).token

    forget_second = service.close_cookie(second, mark)
    forget_first = service.close_cookie(first, mark)

    assert not forget_second
    assert service.resume(second) is not None
    assert forget_first


@pytest.mark.parametrize("cookie", [None, "", "no token at all"])
def test_a_cookie_that_opens_nothing_may_be_forgotten(
    service: AuthService, ada: Person, cookie: str | None
) -> None:
    """SE-5: log-out leaves no dead cookie behind."""
    token = service.log_in(ada.email, ada.password, LAPTOP).token

    forget = service.close_cookie(cookie, service.mark_of(token))

    assert forget
