"""Housekeeping: what has expired is deleted, in batches too small for anybody to notice."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Event as Moment
from time import perf_counter

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import InstrumentedAttribute

from auth.audit import KEPT, STRANGERS
from auth.foundation import Foundation
from db.models import AuditEvent, Counter, EmailToken, Session, Ticket

BATCH = 500  # rows in one short transaction
SESSIONS_KEPT = timedelta(days=30)  # after their end: they tell which networks a user knows
STRANGERS_KEPT = timedelta(days=1)  # failed log-ins to accounts that do not exist

Expired = tuple[InstrumentedAttribute[str] | InstrumentedAttribute[int], list[ColumnElement[bool]]]


class Housekeeping(Foundation):
    """The verbs that keep the database from growing for ever."""

    def tidy(self) -> int:
        """Delete one batch of each kind, as every log-in has it done; return how many rows."""
        now = self._clock()
        return sum(self._delete(each, BATCH) for each in expired(now))

    def purge(self) -> Iterator[int]:
        """Delete all that has expired, and yield the rows of each batch.

        Between two batches there is a pause as long as a batch took, for whoever wants to write.
        """
        for each in expired(self._clock()):
            while True:
                start = perf_counter()
                gone = self._delete(each, BATCH)
                yield gone
                if gone < BATCH:
                    break
                Moment().wait(perf_counter() - start)

    def _delete(self, what: Expired, most: int) -> int:
        key, conditions = what
        # PostgreSQL: a row that somebody is at is left for another time, so this waits for nobody.
        chosen = select(key).where(*conditions).limit(most).with_for_update(skip_locked=True)
        with self._writing() as connection:
            return connection.execute(delete(key.class_).where(key.in_(chosen))).rowcount


def expired(now: datetime) -> list[Expired]:
    """Return what has expired *now*: the key of each table, and what its rows must fulfil."""
    return [
        (Ticket.hash, [Ticket.expires_at <= now]),
        (EmailToken.hash, [EmailToken.expires_at <= now]),
        (Counter.key, [Counter.expires_at <= now]),
        (Session.id, [Session.expires_at <= now - SESSIONS_KEPT]),
        (
            AuditEvent.id,
            [
                AuditEvent.at <= now - STRANGERS_KEPT,
                AuditEvent.user_id.is_(None),
                AuditEvent.event.in_(STRANGERS),
            ],
        ),
        (AuditEvent.id, [AuditEvent.at <= now - KEPT]),
    ]
