"""Members: how operators and admins find users; what they may change is in `administration`."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any
from unicodedata import normalize

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute

from auth.roles import ROLES, Role
from auth.service import AuthService
from auth.users import EMAIL_MAX, InvalidEmail, User, read_email
from db.models import User as UserRow
from db.models import UserRole

FEW = 2_000  # up to so many users with a role are sorted here, more by the database
LAST = "\U0010ffff"  # sorts after every character of an email


class Only(StrEnum):
    """What a list of users may be limited to, besides a role."""

    UNVERIFIED = "unverified"
    DISABLED = "disabled"


@dataclass(frozen=True)
class Member(User):
    """A user as operators and admins see them."""

    is_active: bool = True


MEMBER: Select[*tuple[Any, ...]] = select(
    *(ROLES if each.name == "roles" else getattr(UserRow, each.name) for each in fields(Member))
)


def find_member(auth: AuthService, email_key: str) -> Member | None:
    """Return the user with this email, or None."""
    return _one(auth, UserRow.email_key == email_key)


def read_member(auth: AuthService, user_id: str) -> Member | None:
    """Return the user with this id, or None."""
    return _one(auth, UserRow.id == user_id)


def list_members(
    auth: AuthService,
    text: str = "",
    *,
    only: Role | Only | None = None,
    after: str = "",
    most: int,
) -> list[Member]:
    """Return the users whose emails begin with *text*, by email, at most *most* of them.

    *text* may be a whole email; *after* is the last email of the previous page. *only* is a role
    that they have, or a state.
    """
    conditions = matching(UserRow.email_key, text, after)
    query = MEMBER
    with auth.read() as connection:
        if isinstance(only, Role):
            its = select(UserRole.user_id).where(UserRole.role == only.value).limit(FEW + 1)
            ids = connection.execute(its).scalars().all()
            if len(ids) <= FEW:
                # Few users have it, and looking for them among all would read the whole table.
                of_them = select(UserRow.email_key, UserRow.id).where(UserRow.id.in_(ids))
                found = sorted(map(tuple, connection.execute(of_them.where(*conditions))))
                conditions = [UserRow.id.in_([each[1] for each in found[:most]])]
            else:
                has_it = (UserRole.user_id == UserRow.id, UserRole.role == only.value)
                conditions.append(select(UserRole.role).where(*has_it).exists())
        elif only is Only.DISABLED:
            conditions.append(~UserRow.is_active)
            query = query.with_hint(UserRow, "INDEXED BY ix_users_disabled", "sqlite")
        elif only is Only.UNVERIFIED:
            conditions.append(UserRow.verified_at.is_(None))
            query = query.with_hint(UserRow, "INDEXED BY ix_users_unverified", "sqlite")
        query = query.where(*conditions).order_by(UserRow.email_key).limit(most)
        return [Member(*row) for row in connection.execute(query)]


def matching(key: InstrumentedAttribute[str], text: str, after: str) -> list[ColumnElement[bool]]:
    """Return the conditions for a *key* that begins with *text* and sorts *after* another one."""
    first = _search_key(text)
    # One lower bound only: given two, SQLite begins to read at the first.
    bound = key > _search_key(after) if after else key >= first
    return [bound, key < first + LAST] if first else [bound]


def _one(auth: AuthService, condition: ColumnElement[bool]) -> Member | None:
    with auth.read() as connection:
        row = connection.execute(MEMBER.where(condition)).first()
    return Member(*row) if row else None


def _search_key(text: str) -> str:
    """Return the key that a typed *text* stands for, or the beginning of a key."""
    try:
        return read_email(text).key
    except InvalidEmail:
        return normalize("NFC", text[:EMAIL_MAX].strip().casefold())
