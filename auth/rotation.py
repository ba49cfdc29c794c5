"""Rotation: the cookie's token changes regularly, and an old one that comes back is a copy.

A page load sends the next token. It takes effect when the browser sends it back, so that a lost
response logs no user out. The previous token stays valid for a moment, because the browser's other
tabs still hold it until they fetch the newest.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from auth.sessions import Session
from auth.tokens import new_token_id
from db.models import Session as SessionRow
from db.models import Ticket
from db.models import User as UserRow

ROTATE_EVERY = timedelta(minutes=15)
# How long the previous token stays valid (SE-9). An open tab checks every half minute, and
# browsers let a tab in the background do so once a minute.
OVERLAP = timedelta(minutes=2)
# After a change that leaves no overlap, another tab's request may still bring the cookie before.
ON_ITS_WAY = timedelta(seconds=10)


def is_in_overlap(session: Session, token_id: str, now: datetime) -> bool:
    """Return whether *token_id* was replaced so recently that it is still valid *now*."""
    return token_id == session.last_token_id and now < session.rotated_at + OVERLAP


def is_still_newest(connection: Connection, session: Session) -> bool:
    """Lock the session; return whether the token of *session*, read earlier, is its newest."""
    newest = select(SessionRow.token_id).where(SessionRow.id == session.id).with_for_update()
    return bool(connection.scalar(newest) == session.token_id)


def accept(connection: Connection, session: Session, token_id: str, now: datetime) -> Session:
    """Put the next token into use, since the browser has sent it; return the session under it."""
    connection.execute(
        update(SessionRow)
        .where(SessionRow.id == session.id, SessionRow.next_token_id == token_id)
        .values(
            token_id=token_id, next_token_id=None, last_token_id=session.token_id, rotated_at=now
        )
    )
    _void_tickets(connection, session)
    return session._replace(
        token_id=token_id, next_token_id=None, last_token_id=session.token_id, rotated_at=now
    )


def is_due(session: Session, now: datetime) -> bool:
    """Return whether a page load *now* should create a next token."""
    return session.next_token_id is None and now >= session.rotated_at + ROTATE_EVERY


def prepare(connection: Connection, session: Session) -> str | None:
    """Create and return the next token's id.

    The second of two concurrent page loads gets None: the first one's token is on its way to the
    browser, and would count as a copy if it were replaced.
    """
    token_id = new_token_id()
    made = connection.execute(
        update(SessionRow)
        .where(
            SessionRow.id == session.id,
            SessionRow.token_id == session.token_id,
            SessionRow.next_token_id.is_(None),
        )
        .values(next_token_id=token_id)
    )
    return token_id if made.rowcount else None


def step_up(
    connection: Connection,
    session: Session,
    token_id: str,
    now: datetime,
    *,
    by_passkey: bool = False,
) -> None:
    """Move *session* to the token *token_id*, the only one that counts as just confirmed.

    The browser's current token stays valid for OVERLAP, but isn't confirmed (ASVS 5.0 7.2.4).
    """
    _replace(
        connection,
        session,
        token_id=token_id,
        # As the row is now: since *session* was read, a page load may have given the browser the
        # next token.
        last_token_id=func.coalesce(SessionRow.next_token_id, SessionRow.token_id),
        now=now,
        by_passkey=by_passkey,
        two_factors=session.two_factors or by_passkey,
    )


def keep_current_session(
    connection: Connection,
    session: Session,
    token_id: str,
    now: datetime,
    *,
    two_factors: bool | None = None,
    by_passkey: bool | None = None,
) -> None:
    """Keep *session* open when the user's others end, under the token *token_id* alone.

    It counts as confirmed now. *two_factors* is whether it has shown two from now on, *by_passkey*
    whether a passkey has confirmed it; None leaves that as it is.
    """
    version = select(UserRow.auth_version).where(UserRow.id == session.user.id)
    _replace(
        connection,
        session,
        token_id=token_id,
        last_token_id=None,
        now=now,
        auth_version=version.scalar_subquery(),
        two_factors=session.two_factors if two_factors is None else two_factors,
        by_passkey=session.by_passkey if by_passkey is None else by_passkey,
    )


def _replace(
    connection: Connection,
    session: Session,
    *,
    token_id: str,
    last_token_id: ColumnElement[str] | None,
    now: datetime,
    **columns: Any,
) -> None:
    connection.execute(
        update(SessionRow)
        .where(SessionRow.id == session.id)
        .values(
            token_id=token_id,
            next_token_id=None,
            last_token_id=last_token_id,
            rotated_at=now,
            confirmed_at=now,
            **columns,
        )
    )
    _void_tickets(connection, session)


def _void_tickets(connection: Connection, session: Session) -> None:
    """Void the tabs' own tickets, which are their own nonces: they would bring the newest token.

    A copy of the token before may have approved one, and only the browser may have the next.
    """
    own = Ticket.browser == Ticket.hash
    connection.execute(delete(Ticket).where(Ticket.session_id == session.id, own))
