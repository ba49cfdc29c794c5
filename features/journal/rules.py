"""A user's journal: entries are written, listed and deleted by the user they belong to."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from auth.errors import InvalidDetails
from auth.limits import change_counters
from auth.service import AuthService
from auth.sessions import Session
from auth.users import User, as_details, read_line
from features.journal.tables import JournalEntry
from features.journal.words import NOTHING_TYPED, JournalFull

LONGEST = 200  # characters
MOST_MINUTES = 24 * 60
MOST = 1_000  # entries in one journal
SHOWN = 100  # the newest
# Built once: building a query takes longer than running it, and Home runs this one every time.
NEWEST_FIRST = (
    select(JournalEntry.id, JournalEntry.day, JournalEntry.text, JournalEntry.minutes)
    .where(JournalEntry.user_id == bindparam("user_id"))
    .order_by(JournalEntry.day.desc(), JournalEntry.id.desc())
)
LATEST = NEWEST_FIRST.limit(SHOWN)


class Entry(NamedTuple):
    """An entry as its user sees it."""

    id: int
    day: date
    text: str
    minutes: int


def list_entries(auth: AuthService, session: Session) -> list[Entry]:
    """Return the newest entries of the user of *session*, the newest first."""
    with auth.read() as connection:
        rows = connection.execute(LATEST, {"user_id": session.user.id})
        return [Entry(*row) for row in rows]


def add_entry(auth: AuthService, session: Session, day: date, text: str, minutes: int) -> None:
    """Write an entry of *minutes* on *day*.

    Raises InvalidDetails, JournalFull, TooMany, or SessionOver.
    """
    auth.take(change_counters(session, session.client), session.client)
    with as_details("text"):
        text = read_line(text, LONGEST, "text")
    if not text:
        raise InvalidDetails({"text": [NOTHING_TYPED]})
    with auth.write_as(session) as connection:
        count = select(func.count()).where(JournalEntry.user_id == session.user.id)
        if (connection.scalar(count) or 0) >= MOST:
            raise JournalFull
        values = {"user_id": session.user.id, "day": day, "text": text}
        minutes = min(max(minutes, 0), MOST_MINUTES)
        connection.execute(insert(JournalEntry).values(**values, minutes=minutes))


def delete_entries(auth: AuthService, session: Session, ids: Sequence[int]) -> None:
    """Delete those entries of the user of *session* that have these ids; raises SessionOver."""
    with auth.write_as(session) as connection:
        connection.execute(
            delete(JournalEntry).where(
                JournalEntry.user_id == session.user.id, JournalEntry.id.in_(ids[:SHOWN])
            )
        )


def export(auth: AuthService, connection: Connection, user: User) -> dict[str, Any]:
    """Return what "Download my data" adds about *user*."""
    rows = connection.execute(NEWEST_FIRST, {"user_id": user.id})
    return {
        "journal": [
            {"day": row.day.isoformat(), "text": row.text, "minutes": row.minutes} for row in rows
        ]
    }
