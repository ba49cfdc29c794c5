"""The core's tables, with constraints that hold whichever program writes to them."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.types import UtcDateTime

UNUSED = text("used_at IS NULL AND verified_at IS NULL")


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
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # opaque and random
    email: Mapped[str] = mapped_column(Text)  # as it was typed: shown, and written to
    email_key: Mapped[str] = mapped_column(Text, unique=True)  # one for all spellings
    name: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str | None] = mapped_column(Text)  # None: no password opens it
    is_active: Mapped[bool]
    auth_version: Mapped[int]  # incremented to end every session
    created_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]  # when its owner confirmed the email
    failures: Mapped[int] = mapped_column(server_default="0")  # wrong passwords in a row
    used_at: Mapped[datetime | None]  # when its first session began


class Ticket(Base):
    """A single-use ticket that a browser exchanges for the cookie; only its hash is kept."""

    __tablename__ = "tickets"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("sessions.id", ondelete="CASCADE"))
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
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)  # the token's sid
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    auth_version: Mapped[int]  # the user's at log-in; a difference means the session is over
    remembered: Mapped[bool]  # "Keep me logged in" was ticked
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)  # absolute: nothing moves it
    confirmed_at: Mapped[datetime | None]  # when the password was last typed
    token_id: Mapped[str] = mapped_column(String(32))  # the jti of the token in use
    next_token_id: Mapped[str | None] = mapped_column(String(32))  # sent, not yet seen again
    last_token_id: Mapped[str | None] = mapped_column(String(32))  # valid for a moment more
    rotated_at: Mapped[datetime]  # when token_id came into use
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(String(16))
    ip: Mapped[str] = mapped_column(Text)  # the client's IP address, or empty
    user_agent: Mapped[str] = mapped_column(Text)  # the browser's User-Agent, or empty


class EmailToken(Base):
    """The token of an emailed link: single-use, for one purpose; only its hash is kept."""

    __tablename__ = "email_tokens"

    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(16))
    email: Mapped[str] = mapped_column(Text)  # the email that the link is about
    email_key: Mapped[str] = mapped_column(Text)
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
    """Something that happened to an account. Rows are added; only IP and User-Agent are blanked."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_user_id_id", "user_id", "id"),)

    # SQLite numbers rows by itself only where the column is a plain INTEGER.
    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    at: Mapped[datetime] = mapped_column(index=True)
    event: Mapped[str] = mapped_column(String(40))
    user_id: Mapped[str | None] = mapped_column(String(32))  # no key: it outlives the account
    session: Mapped[str | None] = mapped_column(String(16))  # a hash, no use as a token
    ip: Mapped[str] = mapped_column(Text)
    user_agent: Mapped[str] = mapped_column(Text)
