"""Administration: what an operator may do to accounts; `python -m auth` offers it."""

from sqlalchemy import select, update

from auth.audit import Event, record
from auth.service import AuthService
from auth.users import set_active
from db.models import User as UserRow


def disable(auth: AuthService, user_id: str) -> None:
    """Disable the account and end all its sessions (SE-6)."""
    _switch(auth, user_id, active=False)


def enable(auth: AuthService, user_id: str) -> None:
    """Let the user log in again; earlier sessions stay ended."""
    _switch(auth, user_id, active=True)


def end_every_session(auth: AuthService, user_id: str | None = None) -> None:
    """End every session of one user, or of all users (SE-8)."""
    whose = [UserRow.id == user_id] if user_id else []
    with auth.write() as connection:
        connection.execute(
            update(UserRow).where(*whose).values(auth_version=UserRow.auth_version + 1)
        )
        record(connection, Event.SESSION_REVOKED, auth.now(), user_id=user_id)


def find_user(auth: AuthService, email_key: str) -> str | None:
    """Return the id of the account with this email, or None."""
    with auth.read() as connection:
        found: str | None = connection.scalar(
            select(UserRow.id).where(UserRow.email_key == email_key)
        )
    return found


def _switch(auth: AuthService, user_id: str, *, active: bool) -> None:
    with auth.write() as connection:
        set_active(connection, user_id, active=active)
        record(connection, Event.USER_CHANGED, auth.now(), user_id=user_id)
