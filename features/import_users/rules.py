"""Import users in batches: existing accounts stay as they are, and nothing is guessed."""

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import Connection, insert, select, union

from auth.audit import Event, record_all
from auth.email_tokens import OBJECTING
from auth.passwords import is_usable
from auth.roles import Role
from auth.service import AuthService
from auth.users import Email, InvalidEmail, InvalidName, read_email, read_name
from db.models import EmailToken, UserRole
from db.models import User as UserRow
from features.import_users.formats import Row

BATCH = 500  # users in one short transaction


class Problem(StrEnum):
    """Why a row was not imported."""

    NO_EMAIL = "no email"
    INVALID_EMAIL = "invalid email"
    EMAIL_TWICE = "email twice in the file"
    INVALID_NAME = "invalid name"
    PLAIN_PASSWORD = "password in plain text"  # noqa: S105  a reason, not a secret
    OTHER_SCHEME = "password hash of another scheme"
    UNKNOWN_ROLE = "unknown role"


@dataclass(frozen=True)
class Options:
    """What the operator decided about a whole file."""

    dry_run: bool = False
    verified: bool = False  # every email counts as confirmed
    drop_unusable: bool = False  # leave out a password that can't be used, and keep the account
    ignore_roles: bool = False


@dataclass
class Report:
    """What an import did, or would do."""

    created: int = 0
    existing: int = 0  # had an account, which stays as it is
    without_password: int = 0  # of the created ones: their owners choose one by a reset link
    refused: list[tuple[str, Problem]] = field(default_factory=list)  # where, and why


@dataclass(frozen=True)
class Person:
    """A row that can be imported."""

    row: Row
    email: Email
    name: str
    password_hash: str | None
    roles: frozenset[Role]


def import_rows(
    auth: AuthService, rows: Sequence[Row], options: Options, report: Report
) -> Iterator[int]:
    """Add an account for each of *rows* that has none, and yield the size of each batch.

    *report* has what was done, even after an interruption; another run continues. Raises
    Unavailable.
    """
    emails = [_email(row) for row in rows]
    keys = Counter(email.key for email in emails if isinstance(email, Email))
    for start in range(0, len(rows), BATCH):
        people = []
        batch = slice(start, start + BATCH)
        for row, email in zip(rows[batch], emails[batch], strict=True):
            if isinstance(email, Email) and keys[email.key] > 1:
                email = Problem.EMAIL_TWICE
            person = _person(auth, row, email, options)
            if isinstance(person, Problem):
                report.refused.append((row.place, person))
            else:
                people.append(person)
        _add(auth, people, options, report)
        yield len(rows[batch])


def _email(row: Row) -> Email | Problem:
    if not row.email:
        return Problem.NO_EMAIL
    try:
        return read_email(row.email)
    except InvalidEmail:
        return Problem.INVALID_EMAIL


def _person(
    auth: AuthService, row: Row, email: Email | Problem, options: Options
) -> Person | Problem:
    """Return the person of *row*, or the first problem."""
    if isinstance(email, Problem):
        return email
    try:
        name = read_name(row.name)
    except InvalidName:
        return Problem.INVALID_NAME
    stored = row.password_hash
    if stored and not is_usable(stored, auth.scheme):
        if not options.drop_unusable:
            return Problem.OTHER_SCHEME if row.was_hashed else Problem.PLAIN_PASSWORD
        stored = None
    roles = () if options.ignore_roles else row.roles
    if any(role not in list(Role) for role in roles):
        return Problem.UNKNOWN_ROLE
    return Person(row, email, name, stored, frozenset(map(Role, roles)))


def _add(auth: AuthService, people: list[Person], options: Options, report: Report) -> None:
    """Add the *people* who have no account, in one transaction."""
    now = auth.now()
    with auth.read() if options.dry_run else auth.write() as connection:
        taken = _taken(auth, connection, [person.email.key for person in people])
        new = [person for person in people if person.email.key not in taken]
        if new and not options.dry_run:
            users = [
                {
                    "id": secrets.token_hex(16),
                    "email": person.email.shown,
                    "email_key": person.email.key,
                    "name": person.name,
                    "password_hash": person.password_hash,
                    "is_active": True,
                    "auth_version": 1,
                    "created_at": now,
                    "verified_at": now if person.row.verified or options.verified else None,
                    "used_at": now,  # in the other system: an account that was used is kept
                }
                for person in new
            ]
            roles = [
                {"user_id": user["id"], "role": role.value}
                for user, person in zip(users, new, strict=True)
                for role in person.roles
            ]
            connection.execute(insert(UserRow), users)
            events = [(Event.USER_CREATED, str(user["id"]), "imported") for user in users]
            if roles:
                connection.execute(insert(UserRole), roles)
                events += [(Event.ROLE_GRANTED, str(r["user_id"]), str(r["role"])) for r in roles]
            record_all(connection, events, now)
    report.created += len(new)
    report.existing += len(people) - len(new)
    report.without_password += sum(person.password_hash is None for person in new)


def _taken(auth: AuthService, connection: Connection, keys: list[str]) -> set[str]:
    """Return those of *keys* that have an account, or whose owner may still take it back."""
    claims = select(EmailToken.email_key).where(
        EmailToken.email_key.in_(keys),
        EmailToken.purpose.in_(OBJECTING),
        EmailToken.used_at.is_(None),
        EmailToken.expires_at > auth.now(),
    )
    accounts = select(UserRow.email_key).where(UserRow.email_key.in_(keys))
    return set(connection.execute(union(accounts, claims)).scalars())
