"""Tokens of emailed links: random, single-use, bound to a purpose, an email and an account's state.

Not JWTs (JWT-12): a row can be revoked.
"""

import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, or_, select, update

from auth.tokens import hash_token
from auth.users import Account
from db.models import EmailToken
from db.models import User as UserRow


class Purpose(StrEnum):
    """The purpose of a link."""

    VERIFY = "verify"  # confirm a new account's email; may choose a new password too
    RESET = "reset"  # choose a new password
    CHANGE = "change"  # confirm the account's new email
    KEEP = "keep"  # object to a change of the account's email
    RECLAIM = "reclaim"  # the same, where that email was never confirmed


class UsedLink(NamedTuple):
    """A link that has just been used up."""

    user_id: str
    purpose: str
    email: str
    email_key: str
    auth_version: int
    created_at: datetime


class LinkTarget(NamedTuple):
    """The purpose, email and account of a link that would work now."""

    purpose: str
    sent_to: str
    id: str  # the account's
    email: str  # the account's
    name: str


LIVES = {
    Purpose.VERIFY: timedelta(hours=24),  # NIST SP 800-63B-4, 4.2.1.2: at most a day by email
    Purpose.RESET: timedelta(hours=1),
    Purpose.CHANGE: timedelta(hours=24),
    Purpose.KEEP: timedelta(hours=24),
    Purpose.RECLAIM: timedelta(hours=24),
}
OBJECTIONS = (Purpose.KEEP, Purpose.RECLAIM)
OBJECTING = [purpose.value for purpose in OBJECTIONS]


# An email that is to become the account's, or that was the account's before a change.
OF_ANOTHER_EMAIL = (Purpose.CHANGE.value, *OBJECTING)


def issue_link(
    connection: Connection,
    user: Account,
    purpose: Purpose,
    email: str,
    email_key: str,
    now: datetime,
) -> str:
    """Return a new token for *email*; earlier ones of the same purpose become void (RS-3).

    Objections stay valid: otherwise an attacker in the account could void one by asking for
    another change. *user* was read with a lock: of two links at once, the second voids the first,
    and links are locked after their account, here as at a change of it.
    """
    if purpose not in OBJECTIONS:
        connection.execute(
            delete(EmailToken).where(
                EmailToken.user_id == user.id, EmailToken.purpose == purpose.value
            )
        )
    token = secrets.token_urlsafe(24)  # 192 bits; only its hash is kept (RS-1)
    connection.execute(
        insert(EmailToken).values(
            hash=hash_token(token),
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
) -> UsedLink | None:
    """Use up *token* and return its row, or None if it isn't valid now.

    A single statement uses it up, so only one of two concurrent requests wins, on every database
    (RS-2). Any change of the account since it was sent voids it, unless it objects to a change.
    Its account is locked first, as by a change that voids its links: neither waits for the other.
    """
    whose = select(EmailToken.user_id).where(EmailToken.hash == hash_token(token))
    account = select(UserRow.id).where(UserRow.id == whose.scalar_subquery())
    connection.execute(account.with_for_update())
    row = connection.execute(
        update(EmailToken)
        .where(
            EmailToken.hash == hash_token(token),
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
    if row is None:
        return None
    link = UsedLink._make(row)
    if link.purpose in OBJECTIONS:
        return link
    version = connection.scalar(select(UserRow.auth_version).where(UserRow.id == link.user_id))
    return link if version == link.auth_version else None


def look_at_link(
    connection: Connection, token: str, purposes: tuple[Purpose, ...], now: datetime
) -> LinkTarget | None:
    """Return the account and the email that *token* is for, without using it up."""
    row = connection.execute(
        select(EmailToken.purpose, EmailToken.email, UserRow.id, UserRow.email, UserRow.name)
        .join(EmailToken)
        .where(
            EmailToken.hash == hash_token(token),
            EmailToken.purpose.in_([purpose.value for purpose in purposes]),
            EmailToken.used_at.is_(None),
            EmailToken.expires_at > now,
            or_(EmailToken.purpose.in_(OBJECTING), EmailToken.auth_version == UserRow.auth_version),
            or_(
                EmailToken.purpose.in_(OF_ANOTHER_EMAIL), EmailToken.email_key == UserRow.email_key
            ),
        )
    ).first()
    return LinkTarget._make(row) if row else None


def pending_email(connection: Connection, user_id: str, now: datetime) -> str | None:
    """Return the new email that a user has yet to confirm."""
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
    """Void every link of a user except those with a purpose in *but*."""
    connection.execute(
        delete(EmailToken).where(
            EmailToken.user_id == user_id,
            EmailToken.purpose.not_in([purpose.value for purpose in but]),
        )
    )


def void_objections(connection: Connection, user_id: str, since: datetime) -> None:
    """Void objections to changes made *since* then; objections to earlier changes stay valid."""
    connection.execute(
        delete(EmailToken).where(
            EmailToken.user_id == user_id,
            EmailToken.purpose.in_(OBJECTING),
            EmailToken.created_at >= since,
        )
    )


def is_claimed(
    connection: Connection, email_key: str, now: datetime, user_id: str | None = None
) -> bool:
    """Return whether the owner of an account other than *user_id* may still take this email back.

    Otherwise an attacker could sign up with the old email of an account they took, and the
    objection would fail.
    """
    claims = select(EmailToken.hash).where(
        EmailToken.email_key == email_key,
        EmailToken.purpose.in_(OBJECTING),
        EmailToken.user_id != (user_id or ""),
        EmailToken.used_at.is_(None),
        EmailToken.expires_at > now,
    )
    return connection.scalar(claims.limit(1)) is not None
