"""Rotation: the token in the cookie changes now and then, and an old one that returns is a copy.

A page load sends the next token; it comes into use when the browser brings it back, so that an
answer lost on the way logs nobody out. The one before stays good for a moment: the browser's other
tabs hold it, and fetch the newest meanwhile.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select, update

from auth.sessions import Session
from auth.tokens import new_token_id
from db.models import Session as SessionRow
from db.models import User as UserRow

ROTATE_EVERY = timedelta(minutes=15)
# How long the token before stays good (SE-9). An open tab looks every half minute, and a browser
# lets a tab in the background do that once a minute.
OVERLAP = timedelta(minutes=2)


def is_in_overlap(session: Session, token_id: str, now: datetime) -> bool:
    """Return whether *token_id* was replaced so lately that it still counts *now*."""
    return token_id == session.last_token_id and now < session.rotated_at + OVERLAP


def accept(connection: Connection, session: Session, token_id: str, now: datetime) -> Session:
    """Bring the next token into use, now that its browser has it; return the session under it."""
    connection.execute(
        update(SessionRow)
        .where(SessionRow.id == session.id, SessionRow.next_token_id == token_id)
        .values(
            token_id=token_id,
            next_token_id=None,
            last_token_id=session.token_id,
            rotated_at=now,
        )
    )
    return session._replace(
        token_id=token_id,
        next_token_id=None,
        last_token_id=session.token_id,
        rotated_at=now,
    )


def is_due(session: Session, now: datetime) -> bool:
    """Return whether a page load *now* should make a next token."""
    return session.next_token_id is None and now >= session.rotated_at + ROTATE_EVERY


def prepare(connection: Connection, session: Session) -> str | None:
    """Make the next token's id and return it.

    Of two page loads at once the second gets None: the first one's token is on its way to the
    browser, and another in its place would make that one a copy.
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


def step_up(connection: Connection, session: Session, token_id: str, now: datetime) -> None:
    """Put *session* under the token *token_id*, which alone has the password typed just now.

    The token the browser has meanwhile counts for OVERLAP, without that (ASVS 5.0 7.2.4).
    """
    _replace(
        connection,
        session,
        token_id=token_id,
        last_token_id=session.next_token_id or session.token_id,
        now=now,
    )


def keep_current_session(
    connection: Connection, session: Session, token_id: str, now: datetime
) -> None:
    """Let *session* outlive what ended the user's others, under the token *token_id* alone."""
    version = select(UserRow.auth_version).where(UserRow.id == session.user.id)
    _replace(
        connection,
        session,
        token_id=token_id,
        last_token_id=None,
        now=now,
        auth_version=version.scalar_subquery(),
    )


def _replace(
    connection: Connection,
    session: Session,
    *,
    token_id: str,
    last_token_id: str | None,
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
