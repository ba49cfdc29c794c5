"""Housekeeping: delete what has expired, in batches too small to be noticed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from threading import Event as Pause
from time import perf_counter
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import InstrumentedAttribute

from auth.audit import KEPT, STRANGERS, Event, forget_client, record
from db.models import UNUSED, AuditEvent, Counter, EmailToken, Session, Ticket
from db.models import User as UserRow

if TYPE_CHECKING:
    from auth.service import AuthService

BATCH = 500  # rows in one short transaction
ACCOUNTS = 100  # accounts in one: each takes its sessions, links and audit rows along
SESSIONS_KEPT = timedelta(days=30)  # after their end: they tell which networks a user knows
STRANGERS_KEPT = timedelta(days=1)  # failed log-ins to accounts that do not exist

Expired = tuple[InstrumentedAttribute[str] | InstrumentedAttribute[int], list[ColumnElement[bool]]]


def purge_batch(auth: AuthService) -> int:
    """Delete one batch of each kind, as every log-in does afterwards; return how many rows."""
    now = auth.now()
    deleted = sum(_delete(auth, each, BATCH) for each in expired(now))
    return deleted + _delete_unused(auth, now)


def purge(auth: AuthService) -> Iterator[int]:
    """Delete all that has expired, and yield the rows of each batch.

    Between two batches there is a pause as long as a batch took, for others to write.
    """
    now = auth.now()
    kinds = [partial(_delete, auth, each, BATCH) for each in expired(now)]
    unused = partial(_delete_unused, auth, now)
    for delete_batch, most in [*((kind, BATCH) for kind in kinds), (unused, ACCOUNTS)]:
        while True:
            start = perf_counter()
            deleted = delete_batch()
            yield deleted
            if deleted < most:
                break
            Pause().wait(perf_counter() - start)


def expired(now: datetime) -> list[Expired]:
    """Return what has expired *now*: the key of each table, and the conditions for its rows."""
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


def _delete_unused(auth: AuthService, now: datetime) -> int:
    """Delete one batch of the accounts that were never confirmed nor used, and count them.

    Such an account may be a typing error, or an attacker's attempt to hold another person's email.
    Disabled ones stay: deleting them would let their email sign up again.
    """
    kept = auth.settings.unverified_accounts_kept
    if kept is None:
        return 0
    chosen = (
        select(UserRow.id)
        .where(UNUSED, UserRow.is_active, UserRow.created_at <= now - kept)
        .limit(ACCOUNTS)
        .with_for_update(skip_locked=True)
    )
    with auth.write() as connection:
        ids = connection.execute(chosen).scalars().all()
        connection.execute(delete(UserRow).where(UserRow.id.in_(ids)))
        for user_id in ids:
            forget_client(connection, user_id)
            record(connection, Event.USER_DELETED, now, user_id=user_id)
    return len(ids)


def _delete(auth: AuthService, what: Expired, most: int) -> int:
    key, conditions = what
    # PostgreSQL: a row that another transaction holds is left for another time.
    chosen = select(key).where(*conditions).limit(most).with_for_update(skip_locked=True)
    with auth.write() as connection:
        return connection.execute(delete(key.class_).where(key.in_(chosen))).rowcount
