"""The core's tables, with constraints that hold whichever program writes; all times in UTC."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Text,
    false,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

AnyRow = Row[*tuple[Any, ...]]  # a row with any columns


def utc_now() -> datetime:
    """Return the current time, aware, in UTC; tests may pass another clock."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC. SQLite keeps no zone and would return a naive value (DB-4)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store *value* in UTC; a naive one is a bug in the caller, so it raises ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime has no place in the database: use utc_now()")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the stored time, aware, in UTC."""
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


KEY = Text().with_variant(Text(collation="C"), "postgresql")  # sorted by code point, as SQLite does
UNUSED = text("used_at IS NULL AND verified_at IS NULL")
UNVERIFIED = text("verified_at IS NULL")
DONE_BY_ADMINS = text("by_id IS NOT NULL")


class Base(DeclarativeBase):
    """Base of all tables: constraints get systematic names that migrations can refer to."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012  SQLAlchemy reads it from the class


class User(Base):
    """An account."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("email_key <> ''", name="email_key_is_not_empty"),
        CheckConstraint("auth_version >= 1", name="auth_version_counts_from_one"),
        Index("ix_users_unused", "created_at", sqlite_where=UNUSED, postgresql_where=UNUSED),
        Index(
            "ix_users_disabled",
            "email_key",
            sqlite_where=text("is_active = 0"),
            postgresql_where=text("NOT is_active"),
        ),
        Index(
            "ix_users_unverified", "email_key", sqlite_where=UNVERIFIED, postgresql_where=UNVERIFIED
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # opaque and random
    email: Mapped[str] = mapped_column(Text)  # as typed: shown, and where emails go
    email_key: Mapped[str] = mapped_column(KEY, unique=True)  # one for all spellings
    name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text)  # None: it has no password
    is_active: Mapped[bool]
    auth_version: Mapped[int]  # incremented to end every session
    created_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]  # when its owner confirmed the email
    failures: Mapped[int] = mapped_column(server_default="0")  # wrong passwords in a row
    used_at: Mapped[datetime | None]  # when its first session began, or an operator made it


class UserRole(Base):
    """A role of a user, by its name in the code; see auth/roles.py."""

    __tablename__ = "user_roles"
    __table_args__ = (Index("ix_user_roles_role_user_id", "role", "user_id"),)

    user_id: Mapped[str] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[str] = mapped_column(String(32), primary_key=True)


class Ticket(Base):
    """A single-use ticket that a browser exchanges for the cookie; only its hash is kept."""

    __tablename__ = "tickets"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[str] = mapped_column(
        ForeignKey("sessions.id", ondelete="CASCADE"), index=True
    )
    browser: Mapped[str] = mapped_column(String(64))  # the hash of the nonce it is bound to
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Session(Base):
    """One log-in of one user in one browser; ended rows stay until they are purged."""

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint("expires_at > created_at", name="expires_after_it_was_created"),
        CheckConstraint(
            "(ended_at IS NULL) = (end_reason IS NULL)", name="an_end_has_a_moment_and_a_reason"
        ),
        Index("ix_sessions_user_id_created_at", "user_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # the token's sid
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    auth_version: Mapped[int]  # the user's at log-in; a difference means the session is over
    remembered: Mapped[bool]  # "Keep me logged in" was ticked
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)  # absolute: nothing moves it
    confirmed_at: Mapped[datetime | None]  # the last log-in or step-up
    token_id: Mapped[str] = mapped_column(String(32))  # the jti of the token in use
    next_token_id: Mapped[str | None] = mapped_column(String(32))  # sent, not yet sent back
    last_token_id: Mapped[str | None] = mapped_column(String(32))  # valid for a moment more
    rotated_at: Mapped[datetime]  # when token_id came into use
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(16))
    ip: Mapped[str] = mapped_column(Text)  # the client's IP address, or empty
    user_agent: Mapped[str] = mapped_column(Text)  # the browser's User-Agent, or empty
    two_factors: Mapped[bool] = mapped_column(server_default=false())  # it has shown two
    by_passkey: Mapped[bool] = mapped_column(server_default=false())  # last confirmed by one


class Challenge(Base):
    """A log-in whose password was correct and which has to show more; only its hash is kept."""

    __tablename__ = "challenges"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser: Mapped[str] = mapped_column(String(64), index=True)  # the hash of its nonce
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    auth_version: Mapped[int]  # the user's when the password was checked; a difference voids it
    stage: Mapped[str] = mapped_column(String(40))  # the feature that asks
    remembered: Mapped[bool]
    ip: Mapped[str] = mapped_column(Text)  # the attempt's, whose counters are refunded at the end
    expires_at: Mapped[datetime] = mapped_column(index=True)


class EmailToken(Base):
    """The token of an emailed link: single-use, for one purpose; only its hash is kept."""

    __tablename__ = "email_tokens"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(16))
    email: Mapped[str] = mapped_column(Text)  # the email that the link is about
    email_key: Mapped[str] = mapped_column(KEY)
    auth_version: Mapped[int]  # the user's when it was sent; a difference voids it
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class Counter(Base):
    """The number of recent attempts, and when the next one is allowed."""

    __tablename__ = "counters"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)  # a hash: reveals no email
    count: Mapped[int]
    until: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)  # forgotten from then on


class AuditEvent(Base):
    """A security event. Rows are added and purged; otherwise only IP and User-Agent are blanked."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_user_id_id", "user_id", "id"),
        Index("ix_audit_event_at", "event", "at"),
        Index(
            "ix_audit_by_id", "by_id", sqlite_where=DONE_BY_ADMINS, postgresql_where=DONE_BY_ADMINS
        ),
    )

    # SQLite numbers rows by itself only where the column is a plain INTEGER.
    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    at: Mapped[datetime] = mapped_column(index=True)
    event: Mapped[str] = mapped_column(String(40))
    user_id: Mapped[str | None] = mapped_column(String(32))  # no key: it outlives the account
    session: Mapped[str | None] = mapped_column(String(16))  # a hash, no use as a token
    by_id: Mapped[str | None] = mapped_column(String(32))  # the admin who did it
    detail: Mapped[str | None] = mapped_column(String(40))  # such as the name of a role
    ip: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str] = mapped_column(Text)
