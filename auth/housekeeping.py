"""Housekeeping: delete expired rows in batches too small to notice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from threading import Event as Pause
from time import perf_counter
from typing import TYPE_CHECKING

from sqlalchemy import ColumnExpressionArgument, delete, exists, false, func, select
from sqlalchemy.orm import InstrumentedAttribute

from auth.audit import KEPT, STRANGERS, Event, forget_client, record
from db.models import UNUSED, AuditEvent, Challenge, Counter, EmailToken, Session, Ticket, UserRole
from db.models import User as UserRow

if TYPE_CHECKING:
    from auth.service import AuthService

BATCH = 500  # rows in one short transaction
ACCOUNT_BATCH = 100  # accounts in one: deleting each deletes its sessions and links too
SESSIONS_KEPT = timedelta(days=30)  # after their last possible day: they show known networks
STRANGERS_KEPT = timedelta(days=1)  # failed log-ins to no account, deletions of unused ones
NEVER_USED = "never used"  # the detail of such a deletion
BY_VISITORS = (*STRANGERS, Event.USER_CREATED.value, Event.LINK_SENT.value)

Conditions = Sequence[ColumnExpressionArgument[bool]]
Expired = tuple[InstrumentedAttribute[str] | InstrumentedAttribute[int], Conditions]


def purge_batch(auth: AuthService) -> int:
    """Delete one batch of each kind and return the number of rows; runs after every log-in."""
    now = auth.now()
    deleted = sum(_delete(auth, each) for each in expired(auth, now))
    return deleted + _delete_unused(auth, now)


def purge(auth: AuthService) -> Iterator[int]:
    """Delete all expired rows, and yield the number of rows in each batch.

    Pauses after each batch for as long as it took, so that others can write.
    """
    now = auth.now()
    kinds = [partial(_delete, auth, each) for each in expired(auth, now)]
    unconfirmed = partial(_delete_unused, auth, now)
    for delete_batch, most in [*((kind, BATCH) for kind in kinds), (unconfirmed, ACCOUNT_BATCH)]:
        while True:
            start = perf_counter()
            deleted = delete_batch()
            yield deleted
            if deleted < most:
                break
            Pause().wait(perf_counter() - start)


def count_expired(auth: AuthService) -> int:
    """Return how many rows `purge` would delete."""
    now = auth.now()
    kinds: list[Expired] = [*expired(auth, now), (UserRow.id, unused(auth, now))]
    with auth.read() as connection:
        counts = [
            connection.scalar(select(func.count()).select_from(key.class_).where(*conditions))
            for key, conditions in kinds
        ]
    return sum(count or 0 for count in counts)


def expired(auth: AuthService, now: datetime) -> list[Expired]:
    """Return, for each table, its key and the conditions under which a row has expired *now*."""
    of_features = [each.expired(now) for each in auth.features if each.expired]
    return [
        *chain.from_iterable(of_features),
        (Ticket.hash, [Ticket.expires_at <= now]),
        (Challenge.hash, [Challenge.expires_at <= now]),
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
        (
            AuditEvent.id,
            [
                AuditEvent.at <= now - STRANGERS_KEPT,
                AuditEvent.event == Event.USER_DELETED.value,
                AuditEvent.detail == NEVER_USED,
            ],
        ),
        (AuditEvent.id, [AuditEvent.at <= now - KEPT]),
    ]


def unused(auth: AuthService, now: datetime) -> Conditions:
    """Return the conditions under which an account was never confirmed or used in time.

    Such an account may be a typo, or an attacker's attempt to block someone else's email.
    Disabled accounts stay: deleting one would let its email sign up again. So do accounts with a
    role: an operator made them.
    """
    kept = auth.settings.unverified_accounts_kept
    if kept is None:
        return [false()]
    no_role = ~exists().where(UserRole.user_id == UserRow.id)
    return [UNUSED, UserRow.is_active, UserRow.created_at <= now - kept, no_role]


def _delete_unused(auth: AuthService, now: datetime) -> int:
    """Delete one batch of accounts that were never confirmed or used; return their number.

    What a visitor has caused goes from the audit too, or could flood it; what an admin did stays.
    """
    if auth.settings.unverified_accounts_kept is None:
        return 0
    chosen = (
        select(UserRow.id)
        .where(*unused(auth, now))
        .limit(ACCOUNT_BATCH)
        .with_for_update(skip_locked=True)
    )
    with auth.write() as connection:
        ids = connection.execute(chosen).scalars().all()
        connection.execute(delete(UserRow).where(UserRow.id.in_(ids)))
        visitors = (AuditEvent.event.in_(BY_VISITORS), AuditEvent.by_id.is_(None))
        connection.execute(delete(AuditEvent).where(AuditEvent.user_id.in_(ids), *visitors))
        for user_id in ids:
            forget_client(connection, user_id)
            record(connection, Event.USER_DELETED, now, user_id=user_id, detail=NEVER_USED)
    return len(ids)


def _delete(auth: AuthService, what: Expired) -> int:
    key, conditions = what
    # PostgreSQL: a row that another transaction has locked is left for the next purge.
    chosen = select(key).where(*conditions).limit(BATCH).with_for_update(skip_locked=True)
    with auth.write() as connection:
        return connection.execute(delete(key.class_).where(key.in_(chosen))).rowcount
