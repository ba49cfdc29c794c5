"""Emailed links as rows: each statement affects one user, one purpose, one time."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, select, update

from auth import email_tokens
from auth.email_tokens import (
    LIVES,
    OBJECTIONS,
    Purpose,
    issue_link,
    look_at_link,
    use_link,
    void_links,
)
from auth.service import AuthService
from auth.users import Account, find_by_id
from db.engine import Database
from db.models import EmailToken
from db.models import User as UserRow
from tests.fixtures import Clock, Letterbox, Person

MOMENT = timedelta(seconds=1)
PASSWORD = "nanosecond of copper wire"
STILL_THERE = frozenset(Purpose)


@pytest.fixture
def other(service: AuthService, letterbox: Letterbox) -> str:
    """The id of Grace, who has an account too."""
    user = service.sign_up("grace@example.com", PASSWORD, "Grace Hopper")
    letterbox.queue.finish()
    return user.id


@pytest.fixture
def connection(database: Database, ada: Person, other: str) -> Iterator[Connection]:
    """One transaction for the test; the first links of both users are used up."""
    with database.write() as open_connection:
        void_links(open_connection, ada.id)
        void_links(open_connection, other)
        yield open_connection


@pytest.fixture
def user(connection: Connection, ada: Person) -> Account:
    """Ada's row."""
    return found(connection, ada.id)


def found(connection: Connection, user_id: str) -> Account:
    """Return a user's row."""
    row = find_by_id(connection, user_id)
    assert row is not None
    return row


def send(connection: Connection, user: Account, purpose: Purpose, clock: Clock) -> str:
    """Return the token of a link for *user* about their own email."""
    return issue_link(connection, user, purpose, user.email, user.email_key, clock())


def left(connection: Connection, user_id: str) -> set[str]:
    """Return the purposes of the links that a user has."""
    rows = connection.scalars(select(EmailToken.purpose).where(EmailToken.user_id == user_id))
    return set(rows)


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_is_used_up_by_itself_whatever_else_happens(
    connection: Connection, user: Account, clock: Clock, purpose: Purpose
) -> None:
    """RS-2: independent of changes to the account, and of verbs that void links."""
    token = send(connection, user, purpose, clock)

    assert look_at_link(connection, token, (purpose,), clock()) is not None
    assert use_link(connection, token, (purpose,), clock()) is not None
    assert look_at_link(connection, token, (purpose,), clock()) is None
    assert use_link(connection, token, (purpose,), clock()) is None


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_ends_at_its_last_moment(
    connection: Connection, user: Account, clock: Clock, purpose: Purpose
) -> None:
    """RS-3: at its expiry time it has expired."""
    token = send(connection, user, purpose, clock)
    clock.advance(LIVES[purpose])

    assert look_at_link(connection, token, (purpose,), clock()) is None
    assert use_link(connection, token, (purpose,), clock()) is None
    clock.advance(-MOMENT)
    assert look_at_link(connection, token, (purpose,), clock()) is not None
    assert use_link(connection, token, (purpose,), clock()) is not None


def test_a_link_shows_the_account_it_was_sent_for(
    connection: Connection, user: Account, other: str, clock: Clock
) -> None:
    """RS-1: among several, in any order of creation."""
    for row in (user, found(connection, other)):
        token = send(connection, row, Purpose.VERIFY, clock)

        shown = look_at_link(connection, token, (Purpose.VERIFY,), clock())

        assert shown is not None
        assert (shown.id, shown.email, shown.sent_to) == (row.id, row.email, row.email)
        assert shown.purpose == Purpose.VERIFY


@pytest.mark.parametrize("purpose", Purpose)
def test_a_link_is_for_its_own_purpose_alone(
    connection: Connection, user: Account, clock: Clock, purpose: Purpose
) -> None:
    """RS-2: a page for another purpose neither shows it nor uses it up."""
    token = send(connection, user, purpose, clock)
    others = tuple(each for each in Purpose if each != purpose)

    assert look_at_link(connection, token, others, clock()) is None
    assert use_link(connection, token, others, clock()) is None
    assert look_at_link(connection, token, (purpose,), clock()) is not None


def test_a_link_that_is_used_up_leaves_every_other_link(
    connection: Connection, user: Account, other: str, clock: Clock
) -> None:
    """RS-2: what it was made for is returned; what never was a link uses up none."""
    token = issue_link(connection, user, Purpose.CHANGE, "New@example.com", "new@e.com", clock())
    hers = send(connection, found(connection, other), Purpose.CHANGE, clock)
    made, version = clock(), user.auth_version
    clock.advance(MOMENT)

    assert use_link(connection, "made-up", (Purpose.CHANGE,), clock()) is None
    used = use_link(connection, token, (Purpose.CHANGE,), clock())

    assert used == (user.id, "change", "New@example.com", "new@e.com", version, made)
    assert use_link(connection, hers, (Purpose.CHANGE,), clock()) is not None


@pytest.mark.parametrize("purpose", [Purpose.VERIFY, Purpose.RESET])
def test_a_link_about_an_email_that_the_account_no_longer_has_is_not_shown(
    connection: Connection, user: Account, clock: Clock, purpose: Purpose
) -> None:
    """RS-1, AC-2: but a link to a pending new email is shown, and one that keeps an old email."""
    old = issue_link(connection, user, purpose, "old@example.com", "old@example.com", clock())
    others = {
        other: issue_link(
            connection, user, other, f"{other}@example.com", f"{other}@e.com", clock()
        )
        for other in (Purpose.CHANGE, *OBJECTIONS)
    }

    assert look_at_link(connection, old, (purpose,), clock()) is None
    for other, token in others.items():
        shown = look_at_link(connection, token, (other,), clock())
        assert shown is not None
        assert shown.sent_to == f"{other}@example.com"


def test_a_new_email_is_pending_for_its_user_until_it_is_used_or_too_late(
    connection: Connection, user: Account, other: str, clock: Clock
) -> None:
    """AC-2: as the account page shows it."""
    send(connection, found(connection, other), Purpose.CHANGE, clock)
    for another in (Purpose.VERIFY, Purpose.RESET, *OBJECTIONS):
        send(connection, user, another, clock)
    assert email_tokens.pending_email(connection, user.id, clock()) is None

    token = issue_link(
        connection, user, Purpose.CHANGE, "new@example.com", "new@example.com", clock()
    )
    clock.advance(LIVES[Purpose.CHANGE])
    assert email_tokens.pending_email(connection, user.id, clock()) is None
    clock.advance(-MOMENT)
    assert email_tokens.pending_email(connection, user.id, clock()) == "new@example.com"
    use_link(connection, token, (Purpose.CHANGE,), clock())
    assert email_tokens.pending_email(connection, user.id, clock()) is None


def test_voiding_links_is_for_one_user_and_leaves_what_it_is_told_to(
    connection: Connection, user: Account, other: str, clock: Clock
) -> None:
    """RS-3: a user's change never touches another user's links."""
    for row in (user, found(connection, other)):
        for purpose in Purpose:
            send(connection, row, purpose, clock)

    void_links(connection, user.id, Purpose.KEEP, Purpose.CHANGE)
    assert left(connection, user.id) == {"keep", "change"}
    void_links(connection, user.id)
    assert left(connection, user.id) == set()
    assert left(connection, other) == STILL_THERE


def test_voiding_objections_spares_older_ones_other_purposes_and_other_users(
    connection: Connection, user: Account, other: str, clock: Clock
) -> None:
    """AC-2: earlier owners may still object."""
    older = {objection: send(connection, user, objection, clock) for objection in OBJECTIONS}
    clock.advance(MOMENT)
    for row in (user, found(connection, other)):
        for purpose in Purpose:
            send(connection, row, purpose, clock)

    email_tokens.void_objections(connection, user.id, clock())

    assert left(connection, user.id) == STILL_THERE  # its older objections among them
    for objection, token in older.items():
        assert use_link(connection, token, (objection,), clock()) is not None
        one = select(EmailToken.hash).where(
            EmailToken.user_id == user.id, EmailToken.purpose == objection.value
        )
        assert len(connection.scalars(one).all()) == 1
    assert left(connection, other) == STILL_THERE


@pytest.mark.parametrize("objection", OBJECTIONS)
def test_an_old_email_is_claimed_by_another_account_until_the_objection_is_used_or_too_late(
    connection: Connection, user: Account, clock: Clock, objection: Purpose
) -> None:
    """AC-2: until then no other account can sign up with it; its own account may take it back."""

    def claimed(user_id: str | None = None, email: str = "old@example.com") -> bool:
        return email_tokens.is_claimed(connection, email, clock(), user_id)

    assert not claimed()
    token = issue_link(connection, user, objection, "old@example.com", "old@example.com", clock())
    assert (claimed(), claimed("another"), claimed(user.id)) == (True, True, False)
    assert not claimed(email="another@example.com")
    clock.advance(LIVES[objection])
    assert not claimed()
    clock.advance(-MOMENT)
    assert claimed()
    use_link(connection, token, (objection,), clock())
    assert not claimed()


def test_only_an_objection_claims_an_email(
    connection: Connection, user: Account, clock: Clock
) -> None:
    """AC-2: a link to a new email must not keep its owner from signing up."""
    for purpose in (Purpose.VERIFY, Purpose.RESET, Purpose.CHANGE):
        issue_link(connection, user, purpose, "new@example.com", "new@example.com", clock())

    assert not email_tokens.is_claimed(connection, "new@example.com", clock())


def test_any_change_of_the_account_voids_every_link_but_an_objection(
    connection: Connection, user: Account, clock: Clock
) -> None:
    """RS-1, RS-3: a link belongs to one state of the account."""
    tokens = {purpose: send(connection, user, purpose, clock) for purpose in Purpose}
    newer = update(UserRow).where(UserRow.id == user.id)
    connection.execute(newer.values(auth_version=user.auth_version + 1))

    shown = {
        purpose: look_at_link(connection, token, (purpose,), clock()) is not None
        for purpose, token in tokens.items()
    }
    used = {
        purpose: use_link(connection, token, (purpose,), clock()) is not None
        for purpose, token in tokens.items()
    }

    assert shown == used == {purpose: purpose in OBJECTIONS for purpose in Purpose}
