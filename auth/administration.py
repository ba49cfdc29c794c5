"""Administration: what operators and admins may do to accounts.

Each verb takes *by*, the session of the admin who acts, or None for an operator's command. An admin
must have stepped up recently; otherwise raises PasswordNeeded, RoleNeeded, or SessionOver.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, delete, func, insert, select, update

from auth.audit import Event, forget_client, record
from auth.email_tokens import is_claimed
from auth.errors import EmailTaken, NoSuchUser
from auth.roles import Role, keep_an_admin
from auth.service import AuthService
from auth.sessions import Session
from auth.step_up import require_recent
from auth.users import (
    User,
    add_user,
    as_details,
    delete_user,
    lock_account,
    read_email,
    read_name,
    set_active,
    update_user,
)
from db.models import User as UserRow
from db.models import UserRole


def add_account(auth: AuthService, email: str, name: str = "", by: Session | None = None) -> User:
    """Add an account without a password: a link lets its owner choose one.

    Raises InvalidDetails, or EmailTaken.
    """
    with as_details("email"):
        parsed = read_email(email)
    with as_details("name"):
        name = read_name(name)
    now = auth.now()
    with write_as_admin(auth, by) as connection:
        if is_claimed(connection, parsed.key, now):
            raise EmailTaken
        # Used from the start: the purge deletes accounts that were never used.
        user = add_user(connection, parsed, name, None, now, used_at=now)
        record_change(auth, connection, Event.USER_CREATED, user.id, by)
    return user


def mark_used(auth: AuthService, user_id: str) -> None:
    """Keep an account that an operator made: the purge deletes those that were never used."""
    with auth.write() as connection:
        update_user(connection, user_id, used_at=auth.now())


def verify(auth: AuthService, user_id: str, by: Session | None = None) -> None:
    """Mark the account's email as confirmed: the operator knows whose it is. Raises NoSuchUser."""
    with write_as_admin(auth, by) as connection:
        _require_account(auth, connection, user_id, by)
        confirmed = func.coalesce(UserRow.verified_at, auth.now())
        update_user(connection, user_id, verified_at=confirmed)
        record_change(auth, connection, Event.USER_CHANGED, user_id, by, "verified")


def disable(auth: AuthService, user_id: str, by: Session | None = None) -> None:
    """Disable the account and end all its sessions (SE-6); raises LastAdmin, or NoSuchUser."""
    with write_as_admin(auth, by) as connection:
        _require_account(auth, connection, user_id, by)
        _keep_an_admin(auth, connection, user_id, by)
        set_active(connection, user_id, active=False)
        record_change(auth, connection, Event.USER_CHANGED, user_id, by, "disabled")


def enable(auth: AuthService, user_id: str, by: Session | None = None) -> None:
    """Let the user log in again; earlier sessions stay ended. Raises NoSuchUser."""
    with write_as_admin(auth, by) as connection:
        _require_account(auth, connection, user_id, by)
        set_active(connection, user_id, active=True)
        record_change(auth, connection, Event.USER_CHANGED, user_id, by, "enabled")


def end_every_session(
    auth: AuthService, user_id: str | None = None, by: Session | None = None
) -> None:
    """End every session of one user, or of all users (SE-8)."""
    whose = [UserRow.id == user_id] if user_id else []
    with write_as_admin(auth, by) as connection:
        connection.execute(
            update(UserRow).where(*whose).values(auth_version=UserRow.auth_version + 1)
        )
        record_change(auth, connection, Event.SESSION_REVOKED, user_id, by)


def grant(auth: AuthService, user_id: str, role: Role, by: Session | None = None) -> bool:
    """Give the user *role*, from their next run on; return False if they have it (RO-1).

    Raises NoSuchUser.
    """
    with write_as_admin(auth, by) as connection:
        _require_account(auth, connection, user_id, by)
        its = (UserRole.user_id == user_id, UserRole.role == role.value)
        if connection.scalar(select(UserRole.role).where(*its)):
            return False
        connection.execute(insert(UserRole).values(user_id=user_id, role=role.value))
        record_change(auth, connection, Event.ROLE_GRANTED, user_id, by, role.value)
    return True


def revoke(auth: AuthService, user_id: str, role: Role, by: Session | None = None) -> bool:
    """Take *role* from the user, from their next run on; return False if they don't have it (RO-1).

    Raises LastAdmin.
    """
    with write_as_admin(auth, by) as connection:
        lock_account(connection, user_id)  # a user who is gone has no role to take
        if role is Role.ADMIN:
            _keep_an_admin(auth, connection, user_id, by)
        its = (UserRole.user_id == user_id, UserRole.role == role.value)
        if not connection.execute(delete(UserRole).where(*its)).rowcount:
            return False
        record_change(auth, connection, Event.ROLE_REVOKED, user_id, by, role.value)
    return True


def delete_account(auth: AuthService, user_id: str, by: Session | None = None) -> None:
    """Delete the account and all its personal data; raises LastAdmin, or NoSuchUser."""
    with write_as_admin(auth, by) as connection:
        _require_account(auth, connection, user_id, by)
        _keep_an_admin(auth, connection, user_id, by)
        delete_user(connection, user_id)
        forget_client(connection, user_id)
        record_change(auth, connection, Event.USER_DELETED, user_id, by)


@contextmanager
def write_as_admin(auth: AuthService, by: Session | None) -> Iterator[Connection]:
    """Open a write transaction for an operator, or for the admin whose session is *by*."""
    if by is None:
        with auth.write() as connection:
            yield connection
    else:
        require_recent(auth, by)
        with auth.write_as(by, Role.ADMIN) as connection:
            yield connection


def record_change(
    auth: AuthService,
    connection: Connection,
    event: Event,
    user_id: str | None,
    by: Session | None,
    detail: str | None = None,
) -> None:
    """Record *event* about the user, done by an admin or an operator.

    Without the admin's IP address and browser, since users can read and download their events.
    """
    record(
        connection,
        event,
        auth.now(),
        user_id=user_id,
        session_id=by.id if by else None,
        by_id=by.user.id if by else None,
        detail=detail,
    )


def _require_account(
    auth: AuthService, connection: Connection, user_id: str, by: Session | None
) -> None:
    """Lock the account, so that of two changes at once the second sees the result of the first.

    That may have taken the role of *by*, who would undo it: so this asks for it once more. Raises
    NoSuchUser.
    """
    locked = select(UserRow.id).where(UserRow.id == user_id).with_for_update()
    if connection.scalar(locked) is None:
        raise NoSuchUser
    if by:
        auth.require_open(connection, by, Role.ADMIN)


def _keep_an_admin(
    auth: AuthService, connection: Connection, user_id: str, by: Session | None
) -> None:
    """Raise LastAdmin if no other active admin is left, and ask for the role of *by* once more.

    The other admin may have taken it while this one waited.
    """
    keep_an_admin(connection, user_id)
    if by:
        auth.require_open(connection, by, Role.ADMIN)
