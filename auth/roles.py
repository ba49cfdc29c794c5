"""Roles: what some users may do and others may not; rules check them, and pages show them.

Every run reads a user's roles with the session; no token holds one. So a change takes effect on the
user's next run. `auth.administration` grants and revokes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Dialect, Text, func, literal_column, select, type_coerce
from sqlalchemy.types import TypeDecorator

from auth.errors import LastAdmin, RoleNeeded
from db.models import User as UserRow
from db.models import UserRole

if TYPE_CHECKING:
    from auth.service import AuthService
    from auth.sessions import Session
    from auth.users import User


class Role(StrEnum):
    """The roles of this app; add your own, of at most 32 characters."""

    ADMIN = "admin"


def roles_in_words(roles: Iterable[Role]) -> str:
    """Return *roles* as a person reads them: "Admin, Editor"."""
    return ", ".join(sorted(role.value.replace("_", " ").capitalize() for role in roles))


def require_role(who: Session | User, role: Role) -> None:
    """Raise RoleNeeded unless the user, or the user of the session, has *role* (RO-2)."""
    if role not in who.roles:
        raise RoleNeeded


def keep_an_admin(connection: Connection, user_id: str) -> None:
    """Raise LastAdmin if this user is an admin and no other admin is active (RO-3).

    Call it in the transaction that demotes, disables or deletes them. It locks the admins' role
    rows; a caller that also locks the account's row does so before, so that no two wait for each
    other. Of two calls at once, the second waits here and then reads what the first has left.
    """
    admins = select(UserRole.user_id).where(UserRole.role == Role.ADMIN.value)
    ids = connection.execute(admins.order_by(UserRole.user_id).with_for_update()).scalars().all()
    if user_id not in ids:
        return
    # A statement of its own: PostgreSQL reads in it what was committed during the wait.
    active = select(UserRow.id).where(UserRow.id.in_(ids), UserRow.is_active)
    left = set(connection.execute(active).scalars())
    if left <= {user_id}:
        raise LastAdmin


def has_admin(auth: AuthService) -> bool:
    """Return whether there is an admin; only an operator's command makes the first one (MI-3)."""
    with auth.read() as connection:
        admins = select(UserRole.user_id).where(UserRole.role == Role.ADMIN.value)
        return connection.scalar(admins.limit(1)) is not None


# A literal, since SQLAlchemy would write a parameter into the statement's text at each run.
SEPARATOR: Any = literal_column("','")


@lru_cache(maxsize=256)
def read_roles(names: str | None) -> frozenset[Role]:
    """Return the roles in *names*, separated by commas; names of no role are ignored."""
    return frozenset(role for role in Role if role in (names or "").split(","))


class _Roles(TypeDecorator[frozenset[Role]]):
    """The names of roles, aggregated to one text, as they come from the database."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> frozenset[Role]:
        return read_roles(value)


# A column for any query of users: their roles, for one look-up in an index.
ROLES = type_coerce(
    select(func.aggregate_strings(UserRole.role, SEPARATOR))
    .where(UserRole.user_id == UserRow.id)
    .correlate(UserRow)
    .scalar_subquery(),
    _Roles,
)
