"""What an admin may see of all users, and of one. The changes are in `auth.administration`."""

from datetime import timedelta
from typing import NamedTuple

from auth.administration import record_change, write_as_admin
from auth.audit import AuditEntry, Event, recent
from auth.errors import NoSuchUser
from auth.limits import MAIL_RECIPIENT
from auth.members import Member, Only, list_members, read_member
from auth.roles import Role, require_role
from auth.service import AuthService
from auth.sessions import EndReason, Session, end_session
from auth.step_up import require_recent
from auth.users import read_email
from features.password_reset.rules import issue_reset

PAGE = 25  # users on a page
SHOWN_DAYS, SHOWN = 30, 10  # of a user's events


class Details(NamedTuple):
    """A user as their own page shows them."""

    user: Member
    sessions: list[Session]
    events: list[AuditEntry]


def list_users(
    auth: AuthService, by: Session, text: str = "", only: Role | Only | None = None, after: str = ""
) -> list[Member]:
    """Return a page of users, and one more if there is a next page; raises RoleNeeded.

    For *text*, *only* and *after* see `auth.members.list_members`.
    """
    require_role(by, Role.ADMIN)
    return list_members(auth, text, only=only, after=after, most=PAGE + 1)


def read_user(auth: AuthService, by: Session, user_id: str) -> Details | None:
    """Return the details of a user, or None if there is none; raises RoleNeeded."""
    require_role(by, Role.ADMIN)
    user = read_member(auth, user_id)
    if user is None:
        return None
    now = auth.now()
    with auth.read() as connection:
        return Details(
            user,
            auth.sessions.of_user(connection, user_id, now),
            recent(connection, user_id, since=now - timedelta(days=SHOWN_DAYS), most=SHOWN),
        )


def end_one_session(auth: AuthService, user_id: str, session_id: str, by: Session) -> None:
    """End a session of a user; raises PasswordNeeded, RoleNeeded, or SessionOver."""
    with write_as_admin(auth, by) as connection:
        sessions = auth.sessions.of_user(connection, user_id, auth.now())
        if session_id in {each.id for each in sessions}:
            end_session(connection, session_id, EndReason.CHANGED, auth.now())
            record_change(auth, connection, Event.SESSION_REVOKED, user_id, by)


def send_reset(auth: AuthService, user_id: str, by: Session) -> None:
    """Email the user a link to choose a new password: no admin chooses one (RS-6).

    Raises NoSuchUser, TooMany, PasswordNeeded, RoleNeeded, or SessionOver.
    """
    require_role(by, Role.ADMIN)
    require_recent(auth, by)  # before counting: a copied cookie must not use up the user's links
    user = read_member(auth, user_id)
    if user is None:
        raise NoSuchUser
    auth.take([MAIL_RECIPIENT.on(read_email(user.email).key)], by.client)
    auth.send(issue_reset(auth, user_id, by))
