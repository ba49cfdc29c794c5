"""Rotation: the token in the cookie changes now and then, and an old one that returns is a copy.

A page load sends the next token; it comes into use when the browser brings it back, so that an
answer lost on the way logs nobody out. The one before stays good for a moment, for other tabs.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from auth.sessions import Session
from auth.tokens import new_token_id
from db.models import Session as SessionRow
from db.models import User as UserRow

ROTATE_EVERY = timedelta(minutes=15)
OVERLAP = timedelta(minutes=1)  # how long the token before stays good (SE-9)


def is_reused(session: Session, token_id: str, now: datetime) -> bool:
    """Tell whether *token_id* had been replaced for good when it was presented *now*."""
    if token_id in {session.token_id, session.next_token_id}:
        return False
    return token_id != session.last_token_id or now >= session.rotated_at + OVERLAP


def accept(connection: Connection, session: Session, token_id: str, now: datetime) -> None:
    """Bring the next token into use: its browser has it."""
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


def is_due(session: Session, now: datetime) -> bool:
    """Tell whether a page load *now* should make a next token."""
    return session.next_token_id is None and now >= session.rotated_at + ROTATE_EVERY


def prepare(connection: Connection, session: Session) -> str:
    """Make the next token's id and return it; of two page loads at once the second finds it."""
    token_id = new_token_id()
    made = connection.execute(
        update(SessionRow)
        .where(SessionRow.id == session.id, SessionRow.next_token_id.is_(None))
        .values(next_token_id=token_id)
    )
    return token_id if made.rowcount else session.token_id


def keep_current_session(
    connection: Connection, session: Session, token_id: str, now: datetime
) -> None:
    """Let *session* outlive what ended the user's others, under the token *token_id* alone."""
    version = select(UserRow.auth_version).where(UserRow.id == session.user.id)
    connection.execute(
        update(SessionRow)
        .where(SessionRow.id == session.id)
        .values(
            auth_version=version.scalar_subquery(),
            token_id=token_id,
            next_token_id=None,
            last_token_id=None,
            rotated_at=now,
            confirmed_at=now,
        )
    )
