"""Emailed links: random, single-use, for one purpose, one email and one state of an account.

Not JWTs (JWT-12): a row can be revoked.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, or_, select, update

from db.models import EmailToken
from db.models import User as UserRow
from db.types import AnyRow


class Purpose(StrEnum):
    """What a link is for."""

    VERIFY = "verify"  # the email of a new account is mine; it may choose a new password too
    RESET = "reset"  # a new password for my account
    CHANGE = "change"  # this is to become my account's email
    KEEP = "keep"  # my account's email was to change, and not by me


LIVES = {
    Purpose.VERIFY: timedelta(hours=24),  # NIST SP 800-63B-4, 4.2.1.2: at most a day by email
    Purpose.RESET: timedelta(hours=1),
    Purpose.CHANGE: timedelta(hours=24),
    Purpose.KEEP: timedelta(hours=24),
}


def issue_link(
    connection: Connection,
    user: AnyRow,
    purpose: Purpose,
    email: str,
    email_key: str,
    now: datetime,
) -> str:
    """Return a new token about *email*; earlier ones of the same purpose are void (RS-3).

    Objections stay: an attacker in the account could ask for another change to be rid of one.
    """
    if purpose != Purpose.KEEP:
        connection.execute(
            delete(EmailToken).where(
                EmailToken.user_id == user.id, EmailToken.purpose == purpose.value
            )
        )
    token = secrets.token_urlsafe(24)  # 192 bits; only its hash is kept (RS-1)
    connection.execute(
        insert(EmailToken).values(
            hash=_hash(token),
            user_id=user.id,
            purpose=purpose.value,
            email=email,
            email_key=email_key,
            auth_version=user.auth_version,
            created_at=now,
            expires_at=now + LIVES[purpose],
        )
    )
    return token


def use_link(
    connection: Connection, token: str, purposes: tuple[Purpose, ...], now: datetime
) -> AnyRow | None:
    """Use *token* up and return its row, or None if it does not work now.

    One statement uses it, so of two that come together one wins, on every database (RS-2). Any
    change of the account since it was sent voids it, unless it objects to a change.
    """
    row: AnyRow | None = connection.execute(
        update(EmailToken)
        .where(
            EmailToken.hash == _hash(token),
            EmailToken.purpose.in_([purpose.value for purpose in purposes]),
            EmailToken.used_at.is_(None),
            EmailToken.expires_at > now,
        )
        .values(used_at=now)
        .returning(
            EmailToken.user_id,
            EmailToken.purpose,
            EmailToken.email,
            EmailToken.email_key,
            EmailToken.auth_version,
            EmailToken.created_at,
        )
    ).first()
    if row is None or row.purpose == Purpose.KEEP:
        return row
    version = connection.scalar(select(UserRow.auth_version).where(UserRow.id == row.user_id))
    return row if version == row.auth_version else None


def look_at_link(
    connection: Connection, token: str, purposes: tuple[Purpose, ...], now: datetime
) -> AnyRow | None:
    """Return the account and the email that *token* is good for; the token stays as it is."""
    return connection.execute(
        select(
            EmailToken.purpose,
            EmailToken.email.label("sent_to"),
            UserRow.id,
            UserRow.email,
            UserRow.name,
        )
        .join(EmailToken, EmailToken.user_id == UserRow.id)
        .where(
            EmailToken.hash == _hash(token),
            EmailToken.purpose.in_([purpose.value for purpose in purposes]),
            EmailToken.used_at.is_(None),
            EmailToken.expires_at > now,
            EmailToken.auth_version == UserRow.auth_version,
            or_(
                EmailToken.email_key == UserRow.email_key,
                EmailToken.purpose == Purpose.CHANGE.value,  # it is to become the account's
            ),
        )
    ).first()


def pending_email(connection: Connection, user_id: str, now: datetime) -> str | None:
    """Return the new email that a user has still to confirm."""
    found: str | None = connection.scalar(
        select(EmailToken.email).where(
            EmailToken.user_id == user_id,
            EmailToken.purpose == Purpose.CHANGE.value,
            EmailToken.used_at.is_(None),
            EmailToken.expires_at > now,
        )
    )
    return found


def void_links(connection: Connection, user_id: str, *but: Purpose) -> None:
    """Void every link of a user, *but* those of some purposes."""
    connection.execute(
        delete(EmailToken).where(
            EmailToken.user_id == user_id,
            EmailToken.purpose.not_in([purpose.value for purpose in but]),
        )
    )


def void_objections(connection: Connection, user_id: str, since: datetime) -> None:
    """Void objections to a user's changes *since* then; earlier owners can still object."""
    connection.execute(
        delete(EmailToken).where(
            EmailToken.user_id == user_id,
            EmailToken.purpose == Purpose.KEEP.value,
            EmailToken.created_at >= since,
        )
    )


def is_claimed(
    connection: Connection, email_key: str, now: datetime, user_id: str | None = None
) -> bool:
    """Return whether the owner of another account than *user_id* may still take this email back.

    Otherwise an attacker could sign up with the old email of an account they took, and the
    objection would fail.
    """
    claims = select(EmailToken.hash).where(
        EmailToken.email_key == email_key,
        EmailToken.purpose == Purpose.KEEP.value,
        EmailToken.user_id != (user_id or ""),
        EmailToken.used_at.is_(None),
        EmailToken.expires_at > now,
    )
    return connection.scalar(claims.limit(1)) is not None


def _hash(token: str) -> str:
    # One of ours has 32 characters: what is longer matches none, and is not hashed whole (AV-2).
    return hashlib.sha256(token[:64].encode(errors="replace")).hexdigest()
