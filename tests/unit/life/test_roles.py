"""Roles: rows that every run reads, checked by the rules, and never without an admin."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier
from threading import Event as Moment
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select

from auth import administration
from auth.administration import (
    delete_account,
    disable,
    enable,
    end_every_session,
    grant,
    revoke,
    verify,
)
from auth.audit import Event, record
from auth.errors import AuthError, LastAdmin, NoSuchUser, PasswordNeeded, RoleNeeded, SessionOver
from auth.housekeeping import purge_batch
from auth.roles import Role, keep_an_admin, require_role
from auth.service import AuthService
from auth.step_up import RECENT
from auth.users import User, set_active
from db.models import AuditEvent, UserRole
from features.personal_data.rules import delete_account as delete_own_account
from features.personal_data.rules import export_data
from tests.fixtures import LAPTOP, Clock, Person, meet, open_session

PASSWORD = "kumquat lantern orbit"


@pytest.fixture
def bob(service: AuthService) -> User:
    """Another account."""
    return service.sign_up("bob@example.com", PASSWORD)


@pytest.fixture
def admin(service: AuthService, ada: Person, token: str) -> str:
    """The id of Ada, who is the only admin."""
    user_id = open_session(service, token).user.id
    grant(service, user_id, Role.ADMIN)
    return user_id


def audited(service: AuthService, event: Event) -> list[tuple[str | None, ...]]:
    """Return whom each *event* is about, who did it, and its detail."""
    columns = (AuditEvent.user_id, AuditEvent.by_id, AuditEvent.detail)
    with service.read() as connection:
        found = select(*columns).where(AuditEvent.event == event.value).order_by(AuditEvent.id)
        return [tuple(row) for row in connection.execute(found)]


def test_a_role_counts_from_the_next_run_and_so_does_its_end(
    service: AuthService, ada: Person, token: str
) -> None:
    """RO-1, GD-6: in a session that began without it, under the same token."""
    session = open_session(service, token)
    with pytest.raises(RoleNeeded):
        require_role(session, Role.ADMIN)

    assert grant(service, session.user.id, Role.ADMIN)
    require_role(open_session(service, token), Role.ADMIN)
    grant(service, service.sign_up("bob@example.com", PASSWORD).id, Role.ADMIN)
    assert revoke(service, session.user.id, Role.ADMIN)

    with pytest.raises(RoleNeeded):
        require_role(open_session(service, token).user, Role.ADMIN)


def test_a_session_read_before_the_role_was_taken_writes_nothing(
    service: AuthService, admin: str, token: str, bob: User
) -> None:
    """RO-2: the transaction itself asks for the role."""
    earlier = open_session(service, token)
    grant(service, bob.id, Role.ADMIN)
    revoke(service, admin, Role.ADMIN)

    with pytest.raises(RoleNeeded):
        disable(service, bob.id, by=earlier)
    service.log_out(token)
    with pytest.raises(SessionOver):
        disable(service, bob.id, by=earlier)

    assert service.log_in(bob.email, PASSWORD, LAPTOP)


@pytest.mark.parametrize(
    "change", [disable, enable, delete_account, end_every_session], ids=lambda f: f.__name__
)
def test_only_an_admin_changes_an_account(
    service: AuthService, ada: Person, token: str, bob: User, change: object
) -> None:
    """RO-2: the rule refuses, whatever a page shows."""
    session = open_session(service, token)

    with pytest.raises(RoleNeeded):
        change(service, bob.id, by=session)  # type: ignore[operator]
    with pytest.raises(RoleNeeded):
        grant(service, session.user.id, Role.ADMIN, by=session)


def test_an_admin_types_the_password_first(
    service: AuthService, admin: str, token: str, bob: User, clock: Clock
) -> None:
    """ASVS 7.5.1: a stolen cookie of an admin changes no account."""
    clock.advance(RECENT)

    with pytest.raises(PasswordNeeded):
        grant(service, bob.id, Role.ADMIN, by=open_session(service, token))


def test_a_change_of_roles_is_audited_with_who_made_it(
    service: AuthService, admin: str, token: str, bob: User
) -> None:
    """RO-1, LG-1: and without the admin's IP address, which is not the user's to see."""
    by = open_session(service, token)

    assert grant(service, bob.id, Role.ADMIN, by=by)
    assert not grant(service, bob.id, Role.ADMIN, by=by)
    assert revoke(service, bob.id, Role.ADMIN, by=by)
    assert not revoke(service, bob.id, Role.ADMIN, by=by)

    assert audited(service, Event.ROLE_GRANTED) == [
        (admin, None, "admin"),
        (bob.id, admin, "admin"),
    ]
    assert audited(service, Event.ROLE_REVOKED) == [(bob.id, admin, "admin")]
    with service.read() as connection:
        told = connection.execute(select(AuditEvent.ip).where(AuditEvent.by_id == admin)).scalars()
        assert set(told) == {""}


def test_the_last_admin_stays(service: AuthService, admin: str, ada: Person, token: str) -> None:
    """RO-3: not demoted, disabled or deleted, not even by themselves."""
    by = open_session(service, token)

    with pytest.raises(LastAdmin):
        revoke(service, admin, Role.ADMIN, by=by)
    with pytest.raises(LastAdmin):
        disable(service, admin)
    with pytest.raises(LastAdmin):
        delete_account(service, admin)
    with pytest.raises(LastAdmin):
        delete_own_account(service, by, ada.password)

    assert open_session(service, token).roles == {Role.ADMIN}


def test_a_disabled_admin_is_no_admin_left(service: AuthService, admin: str, bob: User) -> None:
    """RO-3: of two admins one is disabled, and the other one has to stay."""
    grant(service, bob.id, Role.ADMIN)
    disable(service, bob.id)

    with pytest.raises(LastAdmin):
        revoke(service, admin, Role.ADMIN)
    revoke(service, bob.id, Role.ADMIN)


@pytest.mark.parametrize("other", [disable, delete_account], ids=lambda f: f.__name__)
def test_of_two_admins_who_go_at_once_one_stays(
    service: AuthService, admin: str, bob: User, other: Callable[[AuthService, str], None]
) -> None:
    """RO-3: on both databases the second waits for the first, and then reads what that left."""
    grant(service, bob.id, Role.ADMIN)

    with ThreadPoolExecutor(1) as thread:
        with service.write() as connection:
            keep_an_admin(connection, admin)
            connection.execute(delete(UserRole).where(UserRole.user_id == admin))
            second = thread.submit(other, service, bob.id)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.3)
        with pytest.raises(LastAdmin):
            second.result()


@pytest.mark.parametrize("other", [disable, delete_account], ids=lambda f: f.__name__)
def test_an_admin_who_is_just_being_disabled_is_no_admin_left(
    service: AuthService, admin: str, bob: User, other: Callable[[AuthService, str], None]
) -> None:
    """RO-3: their role stays, so who is active is read after the wait."""
    grant(service, bob.id, Role.ADMIN)

    with ThreadPoolExecutor(1) as thread:
        with service.write() as connection:
            keep_an_admin(connection, admin)
            set_active(connection, admin, active=False)
            second = thread.submit(other, service, bob.id)
            with pytest.raises(TimeoutError):
                second.result(timeout=0.3)
        with pytest.raises(LastAdmin):
            second.result()


@pytest.mark.parametrize(
    "act", [disable, delete_account, partial(revoke, role=Role.ADMIN)], ids=["off", "gone", "role"]
)
def test_an_admin_who_is_just_being_demoted_does_nothing_to_the_other(
    service: AuthService, admin: str, bob: User, act: Callable[..., object]
) -> None:
    """RO-2: the role is asked for again after the wait."""
    for other_id in (bob.id, service.sign_up("eve@example.com", PASSWORD).id):
        grant(service, other_id, Role.ADMIN)
    bobs = open_session(service, service.log_in(bob.email, PASSWORD, LAPTOP).token)

    with ThreadPoolExecutor(1) as thread:
        with service.write() as connection:
            keep_an_admin(connection, bob.id)
            connection.execute(delete(UserRole).where(UserRole.user_id == bob.id))
            other = thread.submit(act, service, admin, by=bobs)
            with pytest.raises(TimeoutError):
                other.result(timeout=0.3)
        with pytest.raises(RoleNeeded):
            other.result()


@pytest.mark.parametrize(
    ("end", "undo"),
    [(disable, enable), (partial(revoke, role=Role.ADMIN), partial(grant, role=Role.ADMIN))],
    ids=["off", "role"],
)
def test_an_admin_who_is_just_being_demoted_does_not_undo_it(
    service: AuthService,
    token: str,
    admin: str,
    bob: User,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[..., object],
    undo: Callable[..., object],
) -> None:
    """RO-2, RO-3: what they do to their own account waits, and then asks for the role again."""
    grant(service, bob.id, Role.ADMIN)
    adas = open_session(service, token)
    bobs = open_session(service, service.log_in(bob.email, PASSWORD, LAPTOP).token)
    ending, together = Moment(), Barrier(2)

    def recorded(*given: Any, **named: Any) -> None:  # while that transaction is still open
        ending.set()
        meet(together)
        record(*given, **named)

    monkeypatch.setattr(administration, "record", recorded)
    with ThreadPoolExecutor(2) as pool:
        ended = pool.submit(end, service, bob.id, by=adas)
        assert ending.wait(10)
        refused = pool.submit(undo, service, bob.id, by=bobs).exception()
        ended.result()

    assert isinstance(refused, RoleNeeded | SessionOver)
    with pytest.raises(LastAdmin):
        revoke(service, admin, Role.ADMIN)


def test_a_deleted_user_is_given_no_role(service: AuthService, bob: User) -> None:
    """The admin's page may be older than the account's end."""
    delete_account(service, bob.id)

    with pytest.raises(NoSuchUser) as refused:
        grant(service, bob.id, Role.ADMIN)
    assert isinstance(refused.value, AuthError)


@pytest.mark.parametrize("verb", [verify, disable, enable, delete_account])
def test_nothing_is_done_to_an_account_that_is_gone(
    service: AuthService, bob: User, verb: Callable[[AuthService, str], object]
) -> None:
    """The page says so, and no event tells of a change that was none."""
    delete_account(service, bob.id)
    before = read_events(service)

    with pytest.raises(NoSuchUser):
        verb(service, bob.id)

    assert read_events(service) == before


def read_events(service: AuthService) -> int:
    """Return how many events the audit has."""
    with service.read() as connection:
        return connection.scalar(select(func.count()).select_from(AuditEvent)) or 0


def test_a_role_that_the_code_no_longer_has_gives_nothing(
    service: AuthService, admin: str, token: str
) -> None:
    """RO-2: its rows may stay."""
    with service.write() as connection:
        connection.execute(insert(UserRole).values(user_id=admin, role="editor"))

    assert open_session(service, token).roles == {Role.ADMIN}


def test_an_account_with_a_role_is_not_purged_before_its_first_use(
    service: AuthService, bob: User, clock: Clock
) -> None:
    """RO-3: an operator made it, and its owner may be away for a month."""
    grant(service, bob.id, Role.ADMIN)
    clock.advance(timedelta(days=300))

    purge_batch(service)

    assert service.log_in(bob.email, PASSWORD, LAPTOP)


def test_a_download_says_which_roles_one_has(service: AuthService, admin: str, token: str) -> None:
    """AC-6: it is data about the user."""
    assert export_data(service, open_session(service, token))["account"]["roles"] == ["admin"]
