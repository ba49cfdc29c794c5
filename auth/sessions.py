"""Sessions in the database: started at log-in, looked at on every run, ended for a reason."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, bindparam, insert, select, update

from auth.users import User
from db.models import Session as SessionRow
from db.models import User as UserRow

TOUCH_EVERY = timedelta(minutes=1)  # how often a run may write that the session was used (SE-4)
MAX_AGENT = 256  # characters of a User-Agent that tell anybody anything


class EndReason(StrEnum):
    """Why a session is over."""

    LOGGED_OUT = "logged_out"
    REPLACED = "replaced"  # by another log-in in the same browser
    EXPIRED = "expired"  # its absolute life is over
    IDLE = "idle"
    DISABLED = "disabled"  # the account is
    CHANGED = "changed"  # the account was, in a way that ends every session


@dataclass(frozen=True)
class Lifetime:
    """How long a session lasts: *absolute* from log-in, *idle* from its last use."""

    absolute: timedelta
    idle: timedelta


@dataclass(frozen=True)
class Client:
    """Who asks: the IP address, the browser's User-Agent, and the token it brought along."""

    address: str = ""
    agent: str = ""
    token: str | None = None


@dataclass(frozen=True)
class Session:
    """A session as its row tells it, with the user it is for."""

    id: str
    user: User
    remembered: bool
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str
    agent: str
    over: EndReason | None  # why it counts no more, or None while it does


# Built once: the guard runs it on every script run, and the compiled SQL is cached by identity.
_LOOK = (
    select(
        SessionRow.user_id,
        SessionRow.remembered,
        SessionRow.created_at,
        SessionRow.last_seen_at,
        SessionRow.expires_at,
        SessionRow.end_reason,
        SessionRow.address,
        SessionRow.agent,
        SessionRow.auth_version.label("session_version"),
        UserRow.auth_version.label("user_version"),
        UserRow.email,
        UserRow.name,
        UserRow.is_active,
        UserRow.created_at.label("user_since"),
    )
    .join(UserRow, UserRow.id == SessionRow.user_id)
    .where(SessionRow.id == bindparam("session_id"))
)


def start_session(
    connection: Connection,
    user_id: str,
    auth_version: int,
    client: Client,
    *,
    remembered: bool,
    now: datetime,
    lifetime: Lifetime,
) -> str:
    """Add a session that begins *now* and return its id: 192 random bits (SE-1)."""
    session_id = secrets.token_urlsafe(24)
    connection.execute(
        insert(SessionRow).values(
            id=session_id,
            user_id=user_id,
            auth_version=auth_version,
            remembered=remembered,
            created_at=now,
            last_seen_at=now,
            expires_at=now + lifetime.absolute,
            address=_printable(client.address),
            agent=_printable(client.agent),
        )
    )
    return session_id


def look_at_session(
    connection: Connection, session_id: str, now: datetime, lifetimes: tuple[Lifetime, Lifetime]
) -> Session | None:
    """Return the session as it stands, or None when there is none; *lifetimes*: plain, remembered.

    Everything that can end it is asked here and now (SE-2): its own end, its two limits, the
    user's state and version.
    """
    row = connection.execute(_LOOK, {"session_id": session_id}).first()
    if row is None:
        return None
    if row.end_reason is not None:
        over = EndReason(row.end_reason)
    elif not row.is_active:
        over = EndReason.DISABLED
    elif row.session_version != row.user_version:
        over = EndReason.CHANGED
    elif now >= row.expires_at:
        over = EndReason.EXPIRED
    elif now >= row.last_seen_at + lifetimes[row.remembered].idle:
        over = EndReason.IDLE
    else:
        over = None
    return Session(
        id=session_id,
        user=User(row.user_id, row.email, row.name, row.user_since),
        remembered=row.remembered,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        address=row.address,
        agent=row.agent,
        over=over,
    )


def touch_session(connection: Connection, session_id: str, now: datetime) -> None:
    """Write that the session was used *now*; never backwards, never one that has ended."""
    connection.execute(
        update(SessionRow)
        .where(
            SessionRow.id == session_id,
            SessionRow.ended_at.is_(None),
            SessionRow.last_seen_at < now,
        )
        .values(last_seen_at=now)
    )


def end_session(connection: Connection, session_id: str, reason: EndReason, now: datetime) -> None:
    """End the session for good; one that has ended keeps its first reason."""
    connection.execute(
        update(SessionRow)
        .where(SessionRow.id == session_id, SessionRow.ended_at.is_(None))
        .values(ended_at=now, end_reason=reason.value)
    )


def _printable(text: str) -> str:
    """Return what a browser sent of itself as one plain line (LG-3)."""
    return "".join(sign for sign in text[:MAX_AGENT] if sign.isprintable())
