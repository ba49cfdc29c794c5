"""Accounts: their emails and names as people type them, and their rows in the database."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from unicodedata import bidirectional, category, normalize

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Connection, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth.errors import EmailTaken, InvalidDetails
from auth.roles import Role
from db.models import User as UserRow

EMAIL_MAX = 254  # characters: RFC 5321, 4.5.3.1.3, without the angle brackets
NAME_MAX = 100  # characters
FIRST_VERSION = 1  # of an account, until something ends its sessions
TYPED_MAX = 1_000  # characters as typed: the time to normalize grows with the square of the length
# Control, surrogate, private-use and unassigned characters, and line ends.
INVISIBLE = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
# Marks that change the direction of the text around them: UAX #9, 2.
DIRECTION_MARKS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


class Email(NamedTuple):
    """A valid email: `shown` is as typed, to display and send to; `key` is to compare (AC-4)."""

    shown: str
    key: str


class InvalidEmail(ValueError):
    """The text is not an email; the message is a sentence for the user."""


class InvalidName(ValueError):
    """The text is not a displayable name; the message is a sentence for the user."""


@contextmanager
def as_details(field: str) -> Iterator[None]:
    """Raise InvalidDetails about *field* if its text is invalid."""
    try:
        yield
    except (InvalidEmail, InvalidName) as error:
        raise InvalidDetails({field: [str(error)]}) from None


def read_email(text: str) -> Email:
    """Return *text* as an Email, or raise InvalidEmail.

    Normalized first and validated after, so that what is checked is what is stored
    (GHSA-7rqj-j65f-68wh). NFC only: NFKC would turn other letters into ASCII ones.
    """
    if len(text) > TYPED_MAX:
        raise InvalidEmail(f"Use an email address of at most {EMAIL_MAX} characters.")
    try:
        text = normalize("NFC", text.strip(" "))
        if not text:
            raise InvalidEmail("Enter your email.")
        text.encode()  # the validator lets a lone surrogate pass
        if len(text) > EMAIL_MAX:
            raise InvalidEmail(f"Use an email address of at most {EMAIL_MAX} characters.")
        valid = validate_email(text, check_deliverability=False, strict=True)  # RFC 5321's lengths
    except (EmailNotValidError, UnicodeError):
        raise InvalidEmail(
            "Enter a whole email address, with an @ and what comes after it."
        ) from None
    return Email(shown=valid.normalized, key=f"{_fold(valid.local_part)}@{valid.ascii_domain}")


def read_name(text: str) -> str:
    """Return *text* as a name, trimmed and in NFC, or raise InvalidName; it may be empty."""
    return read_line(text, NAME_MAX, "name")


def read_line(text: str, most: int, what: str) -> str:
    """Return *text* as a displayable line, trimmed and in NFC, or raise InvalidName.

    *most* is its maximum length in characters; *what* names it for the user, such as "note".
    """
    line = normalize("NFC", text.strip()) if len(text) <= TYPED_MAX else text
    if len(line) > most:
        raise InvalidName(f"Use a {what} of at most {most} characters.")
    if any(category(char) in INVISIBLE or bidirectional(char) in DIRECTION_MARKS for char in line):
        raise InvalidName(f"Use only letters, digits, spaces and punctuation in your {what}.")
    return line


def require_fields(**typed: str) -> None:
    """Raise InvalidDetails with a sentence for each empty field of *typed*."""
    empty = [name for name, text in typed.items() if not text]
    if empty:
        raise InvalidDetails({name: [f"Enter your {name}."] for name in empty})


def _fold(local_part: str) -> str:
    """Return *local_part* case-folded, in a form that folding again does not change."""
    folded = normalize("NFC", normalize("NFD", local_part).casefold())
    return normalize("NFC", normalize("NFD", folded).casefold())


@dataclass(frozen=True)
class User:
    """The signed-in user as pages may show them, without secrets."""

    id: str
    email: str
    name: str
    created_at: datetime
    verified_at: datetime | None = None  # when they confirmed that the email is theirs
    roles: frozenset[Role] = frozenset()


class Account(NamedTuple):
    """A row of `users`, only for rules: it has the hash and the state that pages never see."""

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
    """A successful log-in: the token for the cookie, the user, and when the session expires."""

    token: str = field(repr=False)
    user: User
    expires_at: datetime


ACCOUNT: Select[*tuple[Any, ...]] = select(*(getattr(UserRow, name) for name in Account._fields))


def add_user(
    connection: Connection,
    email: Email,
    name: str,
    password_hash: str | None,
    now: datetime,
    **columns: Any,
) -> User:
    """Insert an account, or raise EmailTaken; of two at once, the database accepts one (DB-1)."""
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
                auth_version=FIRST_VERSION,
                created_at=now,
                **columns,
            )
        )
    except IntegrityError:
        raise EmailTaken from None
    return user


def find_by_email(connection: Connection, email: Email, *, lock: bool = False) -> Account | None:
    """Return the account with this email, or None; with *lock*, no other transaction changes it."""
    return _find(connection, ACCOUNT.where(UserRow.email_key == email.key), lock)


def find_by_id(connection: Connection, user_id: str, *, lock: bool = False) -> Account | None:
    """Return the account with this id, or None; with *lock*, no other transaction changes it."""
    return _find(connection, ACCOUNT.where(UserRow.id == user_id), lock)


def _find(connection: Connection, query: Select[*tuple[Any, ...]], lock: bool) -> Account | None:
    row = connection.execute(query.with_for_update() if lock else query).first()
    return Account._make(row) if row else None


def lock_account(connection: Connection, user_id: str) -> None:
    """Lock the account: of two changes at once, the second finds what the first has made of it."""
    connection.execute(select(UserRow.id).where(UserRow.id == user_id).with_for_update())


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
    """Set *columns* of an account; raises EmailTaken if another account has its new email."""
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
