"""Accounts in the database: add, find, disable, delete."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.errors import EmailTaken
from auth.fields import Email
from db.models import User as UserRow


@dataclass(frozen=True)
class User:
    """The signed-in user as pages may show them, without secrets or permissions."""

    id: str
    email: str
    name: str
    created_at: datetime
    verified_at: datetime | None = None  # when they confirmed that the email is theirs


class Account(NamedTuple):
    """A row of users, for the rules alone: it has the hash and the state that pages never see."""

    id: str
    email: str
    email_key: str
    name: str
    password_hash: str | None
    is_active: bool
    auth_version: int
    created_at: datetime
    verified_at: datetime | None
    failures: int


@dataclass(frozen=True)
class Login:
    """A successful log-in: the token for the cookie, the user, and when it expires."""

    token: str = field(repr=False)
    user: User
    expires_at: datetime


ACCOUNT: Select[*tuple[Any, ...]] = select(*(getattr(UserRow, name) for name in Account._fields))


def add_user(
    connection: Connection, email: Email, name: str, password_hash: str, now: datetime
) -> User:
    """Insert an account, or raise EmailTaken; the database admits one of two at once (DB-1)."""
    user = User(id=secrets.token_hex(16), email=email.shown, name=name, created_at=now)
    try:
        connection.execute(
            insert(UserRow).values(
                id=user.id,
                email=user.email,
                email_key=email.key,
                name=user.name,
                password_hash=password_hash,
                is_active=True,
                auth_version=1,
                created_at=now,
            )
        )
    except IntegrityError:
        raise EmailTaken from None
    return user


def find_by_email(connection: Connection, email: Email) -> Account | None:
    """Return the account with this email, or None."""
    row = connection.execute(ACCOUNT.where(UserRow.email_key == email.key)).first()
    return Account._make(row) if row else None


def find_by_id(connection: Connection, user_id: str) -> Account | None:
    """Return the account with this id, or None."""
    row = connection.execute(ACCOUNT.where(UserRow.id == user_id)).first()
    return Account._make(row) if row else None


def set_active(connection: Connection, user_id: str, active: bool) -> None:
    """Enable or disable an account; either one ends its open sessions (SE-6)."""
    connection.execute(
        update(UserRow)
        .where(UserRow.id == user_id)
        .values(is_active=active, auth_version=UserRow.auth_version + 1)
    )


def replace_hash(connection: Connection, user_id: str, old: str | None, new: str) -> None:
    """Store the *new* hash of the same password, unless the password changed meanwhile (BC-7)."""
    connection.execute(
        update(UserRow)
        .where(UserRow.id == user_id, UserRow.password_hash == old)
        .values(password_hash=new)
    )


def update_user(connection: Connection, user_id: str, **columns: Any) -> None:
    """Set *columns* of an account; raises EmailTaken where its new email is another account's."""
    try:
        connection.execute(update(UserRow).where(UserRow.id == user_id).values(columns))
    except IntegrityError:
        raise EmailTaken from None


def set_password(
    connection: Connection, user_id: str, password_hash: str | None, **columns: Any
) -> None:
    """Store another password, or none; earlier sessions and links become void (SE-6)."""
    update_user(
        connection,
        user_id,
        password_hash=password_hash,
        failures=0,
        auth_version=UserRow.auth_version + 1,
        **columns,
    )


def count_failure(connection: Connection, user_id: str) -> int | None:
    """Count a wrong password and return the count; without an account, the same work and None."""
    failures: int | None = connection.scalar(
        update(UserRow)
        .where(UserRow.id == user_id)
        .values(failures=UserRow.failures + 1)
        .returning(UserRow.failures)
    )
    return failures


def delete_user(connection: Connection, user_id: str) -> None:
    """Delete an account; its sessions and links go with it, by ON DELETE CASCADE."""
    connection.execute(delete(UserRow).where(UserRow.id == user_id))
