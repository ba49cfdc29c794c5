"""Rotation: the token changes, and a replaced one that comes back is a copy."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from auth.errors import SessionOver
from auth.hand_off import (
    LIFE,
    MOST_TICKETS,
    approve_ticket,
    end_reason,
    exchange_ticket,
    own_ticket,
    refresh,
)
from auth.rotation import (
    OVERLAP,
    ROTATE_EVERY,
    accept,
    keep_current_session,
    prepare,
    step_up,
)
from auth.service import AuthService
from auth.sessions import EndReason, Session
from auth.step_up import confirm_password
from db.engine import Database
from db.models import Session as SessionRow
from tests.fixtures import LAPTOP, Clock, Person, open_session

MOMENT = timedelta(seconds=1)
OWNERS, COPYS = "_ask_" + "0" * 32, "_ask_" + "1" * 32  # tickets that their tabs made up


def renew(service: AuthService, token: str) -> str:
    """Return the token that a page load with *token* gets."""
    login = refresh(service, token)
    assert login is not None
    return login.token


def same(service: AuthService, one: str, other: str) -> bool:
    """Return whether two tokens are the same, regardless of when each was signed."""
    first, second = (service.claims(each) for each in (one, other))
    assert first and second
    return first.token_id == second.token_id


def log_in(service: AuthService, ada: Person) -> str:
    """Return the token of a remembered log-in: its idle limit is longer than these tests."""
    return service.log_in(ada.email, ada.password, LAPTOP, remember=True).token


def test_a_page_load_soon_after_the_last_rotation_leaves_the_cookie(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: the token changes on a schedule, not on every load."""
    token = log_in(service, ada)
    clock.advance(ROTATE_EVERY - MOMENT)

    renewed = refresh(service, token)

    assert renewed is None
    assert service.resume(token) is not None


def test_a_page_load_on_schedule_brings_another_token(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: the token rotates."""
    token = log_in(service, ada)
    clock.advance(ROTATE_EVERY)

    renewed = renew(service, token)

    assert not same(service, renewed, token)
    assert service.resume(renewed) is not None


def test_a_response_lost_on_the_way_logs_no_user_out(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: until the next token has come back, the one in use stays in use."""
    token = log_in(service, ada)
    clock.advance(ROTATE_EVERY)
    lost = renew(service, token)
    clock.advance(OVERLAP * 5)

    again = renew(service, token)

    assert same(service, again, lost)
    assert service.resume(again) is not None


def test_the_token_before_is_good_for_a_moment(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: another tab that loads at the same time is not logged out."""
    token = log_in(service, ada)
    clock.advance(ROTATE_EVERY)
    service.resume(renew(service, token))
    clock.advance(OVERLAP - MOMENT)

    user = service.resume(token)

    assert user is not None


def test_a_replaced_token_that_comes_back_ends_the_whole_session(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: there is a copy, and the server cannot tell owner from attacker."""
    stolen = log_in(service, ada)
    clock.advance(ROTATE_EVERY)
    current = renew(service, stolen)
    service.resume(current)
    clock.advance(OVERLAP)

    thief = service.resume(stolen)

    assert thief is None
    assert service.resume(current) is None
    assert end_reason(service, current) is EndReason.REUSED


def test_a_copy_that_an_open_tab_holds_is_refused_after_the_overlap(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: the server can't tell whether the tab is the owner's, so the session continues."""
    held = log_in(service, ada)
    clock.advance(ROTATE_EVERY)
    current = renew(service, held)
    service.resume(current)
    clock.advance(OVERLAP - MOMENT)
    within = service.resume(held, trusted=True)
    clock.advance(MOMENT)

    after = service.resume(held, trusted=True)

    assert within is not None
    assert after is None
    assert end_reason(service, held) is EndReason.STALE
    assert service.resume(current) is not None


@pytest.mark.slow
def test_a_copy_held_through_weeks_of_rotations_never_works_again(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: 24 days, a page load and a rotation every six hours, and a copy that stays silent."""
    current = held = log_in(service, ada)

    for _ in range(24 * 4):
        clock.advance(timedelta(hours=6))
        current = renew(service, current)
        assert service.resume(current) is not None
        clock.advance(OVERLAP)
        assert service.resume(held, trusted=True) is None
        assert service.resume(held, trusted=True, touch=False) is None

    assert service.resume(current) is not None
    with pytest.raises(SessionOver):
        open_session(service, held)


def test_a_page_load_with_the_token_before_hands_out_nothing(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: its browser has the newest already; only an attacker could gain by it."""
    before = log_in(service, ada)
    clock.advance(ROTATE_EVERY)
    service.resume(renew(service, before))

    login = refresh(service, before)

    assert login is None
    assert service.resume(before) is not None


def test_the_newest_cookie_gets_a_tab_its_token_and_the_one_before_does_not(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: a tab that was left behind asks its browser; within the overlap a copy is refused."""
    before = log_in(service, ada)
    clock.advance(ROTATE_EVERY)
    current = renew(service, before)
    service.resume(current)

    copy = approve_ticket(service, before, COPYS)
    owner = approve_ticket(service, current, OWNERS)
    login = exchange_ticket(service, OWNERS, OWNERS)

    assert (copy, owner) == (False, True)
    assert login is not None
    assert same(service, login.token, current)
    assert exchange_ticket(service, OWNERS, OWNERS) is None
    assert exchange_ticket(service, COPYS, COPYS) is None


def test_a_tabs_own_ticket_is_good_for_half_a_minute(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: like every other."""
    approve_ticket(service, log_in(service, ada), OWNERS)
    clock.advance(LIFE)

    login = exchange_ticket(service, OWNERS, OWNERS)

    assert login is None


@pytest.mark.parametrize("change", [step_up, keep_current_session])
def test_a_ticket_that_a_copy_has_approved_brings_no_token_that_was_confirmed_later(
    service: AuthService,
    database: Database,
    ada: Person,
    clock: Clock,
    change: Callable[..., None],
) -> None:
    """SE-6, SE-9: a copy of the token before gains nothing (ASVS 5.0 7.2.4)."""
    token = log_in(service, ada)
    assert approve_ticket(service, token, COPYS)

    with database.write() as connection:
        change(connection, open_session(service, token), "confirmed-000000000000", clock())

    assert exchange_ticket(service, COPYS, COPYS) is None


def test_a_ticket_that_a_copy_has_approved_brings_no_token_that_came_into_use_later(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: otherwise a copy that always holds a ticket would never be noticed."""
    before = log_in(service, ada)
    clock.advance(ROTATE_EVERY)
    current = renew(service, before)
    assert approve_ticket(service, before, COPYS)

    service.resume(current)

    assert exchange_ticket(service, COPYS, COPYS) is None


def test_a_tabs_ticket_that_is_sent_twice_is_one(service: AuthService, ada: Person) -> None:
    """SE-9: it brings the token once."""
    token = log_in(service, ada)

    assert [approve_ticket(service, token, OWNERS) for _ in range(2)] == [True, True]
    assert exchange_ticket(service, OWNERS, OWNERS) is not None
    assert exchange_ticket(service, OWNERS, OWNERS) is None


@pytest.mark.parametrize("ticket", ["", "_ask_", OWNERS + "0", OWNERS.replace("0", "G"), "\ud800"])
def test_what_no_tab_makes_up_is_no_ticket(service: AuthService, ada: Person, ticket: str) -> None:
    """AV-2: only what cannot be guessed is approved."""
    assert not approve_ticket(service, log_in(service, ada), ticket)


def test_a_session_has_a_bounded_number_of_tabs_tickets(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """AV-2: no user can fill the table; what has expired makes room."""
    token = log_in(service, ada)
    for _ in range(MOST_TICKETS):
        assert approve_ticket(service, token, own_ticket())
    assert not approve_ticket(service, token, OWNERS)

    clock.advance(LIFE)

    assert approve_ticket(service, token, OWNERS)


def test_a_copy_that_asks_while_its_token_is_replaced_gets_no_ticket(
    service: AuthService, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SE-9: the token is the newest when the ticket is made, not only when it was read."""
    token = log_in(service, ada)
    session = open_session(service, token)

    def read(cookie: str | None) -> Session:
        confirm_password(service, session, ada.password)
        return session

    monkeypatch.setattr(service, "session", read)

    assert not approve_ticket(service, token, COPYS)


def test_a_copy_that_asks_for_the_newest_ends_the_session(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-9: its browser presented a replaced token after the overlap: both are signed out."""
    before = log_in(service, ada)
    clock.advance(ROTATE_EVERY)
    current = renew(service, before)
    service.resume(current)
    clock.advance(OVERLAP)

    good = approve_ticket(service, before, COPYS)

    assert not good
    assert service.resume(current, trusted=True) is None
    assert end_reason(service, current) is EndReason.REUSED


def test_of_two_page_loads_at_once_the_second_leaves_the_first_its_token(
    service: AuthService, database: Database, ada: Person, clock: Clock
) -> None:
    """SE-9: an issued token is never overwritten: it would turn into a copy."""
    token = log_in(service, ada)
    clock.advance(ROTATE_EVERY)
    session = service.session(token)
    assert session is not None

    with database.write() as connection:
        first = prepare(connection, session)
    with database.write() as connection:
        second = prepare(connection, session)

    now = service.session(token)
    assert first is not None
    assert second is None
    assert now is not None
    assert now.next_token_id == first


def test_a_stale_token_can_still_log_out(service: AuthService, ada: Person, clock: Clock) -> None:
    """SE-5: ending a session that it may no longer use does no harm."""
    before = log_in(service, ada)
    clock.advance(ROTATE_EVERY)
    current = renew(service, before)
    service.resume(current)
    clock.advance(OVERLAP)

    service.log_out(before)

    assert end_reason(service, current) is EndReason.LOGGED_OUT


def test_a_renewed_cookie_ends_when_the_session_does(
    service: AuthService, ada: Person, clock: Clock
) -> None:
    """SE-3: rotation moves nothing of the absolute limit."""
    login = service.log_in(ada.email, ada.password, LAPTOP, remember=True)
    clock.advance(timedelta(days=3))

    renewed = refresh(service, login.token)

    assert renewed is not None
    assert renewed.expires_at == login.expires_at


@pytest.mark.parametrize("known", [True, False])
def test_a_cookie_that_opens_nothing_is_not_renewed_and_helps_no_tab(
    service: AuthService, ada: Person, clock: Clock, known: bool
) -> None:
    """SE-5, SE-9: a page load with a dead cookie brings no live one, even when one is due."""
    token = log_in(service, ada) if known else "no token of ours"
    clock.advance(ROTATE_EVERY)
    service.log_out(token)

    assert refresh(service, token) is None
    assert not approve_ticket(service, token, OWNERS)
    assert exchange_ticket(service, OWNERS, OWNERS) is None


@pytest.fixture
def two(service: AuthService, ada: Person) -> list[Session]:
    """Two new sessions of Ada's."""
    sessions = [service.session(log_in(service, ada)) for _ in range(2)]
    return [session for session in sessions if session]


def row(service: AuthService, database: Database, session: Session, now: Clock) -> Session:
    """Return the current row of *session*."""
    with database.read() as connection:
        found = service.sessions.find(connection, session.id, now())
    assert found is not None
    return found


def test_a_token_that_comes_into_use_replaces_the_one_before(
    service: AuthService, database: Database, two: list[Session], clock: Clock
) -> None:
    """SE-9: the row says what the verb returns, and no other session is touched."""
    session, other = two
    with database.write() as connection:
        next_id = prepare(connection, session)
    assert next_id
    clock.advance(MOMENT)
    with database.write() as connection:
        # Chance never makes two ids alike; a statement must not depend on that.
        same = update(SessionRow).where(SessionRow.id == other.id).values(next_token_id=next_id)
        connection.execute(same)
        before = row(service, database, session, clock)
        accepted = accept(connection, before, next_id, clock())

    found = row(service, database, session, clock)
    assert accepted == found
    assert (found.token_id, found.next_token_id) == (next_id, None)
    assert (found.last_token_id, found.rotated_at) == (session.token_id, clock())
    assert row(service, database, other, clock).token_id == other.token_id


def test_only_the_token_that_is_next_comes_into_use(
    service: AuthService, database: Database, two: list[Session], clock: Clock
) -> None:
    """SE-9: the second of two concurrent requests finds it done, and changes nothing."""
    session, _ = two
    with database.write() as connection:
        accept(connection, session, "another-token-id-000000", clock())

    assert row(service, database, session, clock) == session


def test_a_next_token_is_made_for_one_session_whose_token_is_still_the_same(
    service: AuthService, database: Database, two: list[Session], clock: Clock
) -> None:
    """SE-9: not for a page load that was overtaken, and not for another session."""
    session, other = two
    with database.write() as connection:
        alike = update(SessionRow).where(SessionRow.id == other.id)
        connection.execute(alike.values(token_id=session.token_id))
        made = prepare(connection, session)

        moved_on = update(SessionRow).where(SessionRow.id == session.id)
        connection.execute(moved_on.values(token_id="moved-on-000000000000", next_token_id=None))
        overtaken = prepare(connection, session)

    assert made is not None
    assert overtaken is None
    assert row(service, database, other, clock).next_token_id is None


@pytest.mark.parametrize("on_its_way", ["no", "yes", "since the session was read"])
def test_at_step_up_the_token_the_browser_has_counts_for_the_overlap(
    service: AuthService,
    database: Database,
    two: list[Session],
    clock: Clock,
    on_its_way: str,
) -> None:
    """SE-9, AC-1: the one in use, or the next one if it was already sent, by the row as it is."""
    session, other = two
    known = session
    with database.write() as connection:
        sent = prepare(connection, session) if on_its_way != "no" else None
    if on_its_way == "yes":
        known = row(service, database, session, clock)
    clock.advance(MOMENT)

    with database.write() as connection:
        step_up(connection, known, "stepped-up-00000000000", clock())

    found = row(service, database, session, clock)
    assert (found.token_id, found.next_token_id) == ("stepped-up-00000000000", None)
    assert found.last_token_id == (sent or session.token_id)
    assert found.confirmed_at == found.rotated_at == clock()
    assert row(service, database, other, clock) == other


@pytest.mark.parametrize("by_passkey", [False, True])
@pytest.mark.parametrize("two_factors", [False, True])
def test_a_step_up_by_passkey_shows_two_factors_and_one_by_password_takes_none_away(
    service: AuthService,
    database: Database,
    two: list[Session],
    clock: Clock,
    two_factors: bool,
    by_passkey: bool,
) -> None:
    """SF-1: a session that has shown two keeps them."""
    known = two[0]._replace(two_factors=two_factors)
    how = {"by_passkey": True} if by_passkey else {}

    with database.write() as connection:
        step_up(connection, known, "stepped-up-00000000000", clock(), **how)

    found = row(service, database, known, clock)
    assert (found.by_passkey, found.two_factors) == (by_passkey, two_factors or by_passkey)


@pytest.mark.parametrize("shown", [False, True])
@pytest.mark.parametrize("known", [None, False, True])
def test_a_session_that_stays_when_others_end_has_the_factors_it_showed(
    service: AuthService,
    database: Database,
    two: list[Session],
    clock: Clock,
    shown: bool,
    known: bool | None,
) -> None:
    """SF-1: unless the change itself decides, as the first factor that is added does."""
    session = two[0]._replace(two_factors=shown)

    with database.write() as connection:
        keep_current_session(
            connection, session, "kept-0000000000000000", clock(), two_factors=known
        )

    found = row(service, database, session, clock)
    assert found.two_factors == (shown if known is None else known)
