"""Sessions in the database: started at log-in, looked at on every run, ended for a reason."""

import secrets
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, bindparam, insert, select, update

from auth.audit import Event, one_line, record
from auth.client import Client as Client
from auth.end_reason import EndReason as EndReason
from auth.tokens import new_token_id
from auth.users import User
from db.models import Session as SessionRow
from db.models import User as UserRow
from db.types import AnyRow

TOUCH_EVERY = timedelta(minutes=1)  # how often a run may write that the session was used (SE-4)
MAX_PER_USER = 10  # sessions at once; one more ends the one unused for longest (SE-10)


@dataclass(frozen=True)
class Lifetime:
    """How long a session lasts: *absolute* from log-in, *idle* from its last use."""

    absolute: timedelta
    idle: timedelta


@dataclass(frozen=True)
class Session:
    """A session as its row describes it, with its user, as the holder of one token may use it."""

    id: str
    user: User
    remembered: bool
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None
    address: str
    agent: str
    token_id: str
    next_token_id: str | None
    last_token_id: str | None
    rotated_at: datetime
    end_reason: EndReason | None  # why it counts no more, or None while it does
    newest: bool = True  # whether the token it was looked up by has not been replaced

    @property
    def client(self) -> Client:
        """Who has this session, as its log-in told."""
        return Client(self.address, self.agent)


# A field of `User` is a column of the same name: a new one is read here without another word.
USER = [getattr(UserRow, each.name).label(f"user_{each.name}") for each in fields(User)]
# Built once: the guard runs the first on every script run, and SQLAlchemy caches what it compiled.
COLUMNS: Select[*tuple[Any, ...]] = select(
    SessionRow.id,
    SessionRow.remembered,
    SessionRow.created_at,
    SessionRow.last_seen_at,
    SessionRow.expires_at,
    SessionRow.confirmed_at,
    SessionRow.address,
    SessionRow.agent,
    SessionRow.token_id,
    SessionRow.next_token_id,
    SessionRow.last_token_id,
    SessionRow.rotated_at,
    SessionRow.end_reason,
    SessionRow.auth_version.label("session_version"),
    UserRow.auth_version.label("user_version"),
    UserRow.is_active,
    *USER,
).join(UserRow, UserRow.id == SessionRow.user_id)
ONE = COLUMNS.where(SessionRow.id == bindparam("key"))
OPEN_OF_USER = COLUMNS.where(
    SessionRow.user_id == bindparam("key"), SessionRow.ended_at.is_(None)
).order_by(SessionRow.last_seen_at.desc(), SessionRow.created_at.desc())

FIRST_USE = (
    update(UserRow)
    .where(UserRow.id == bindparam("key"), UserRow.used_at.is_(None))
    .values(used_at=bindparam("now"))
)


class Sessions:
    """The sessions table under the rules of this app: *plain* and *remembered* lifetimes."""

    def __init__(self, plain: Lifetime, remembered: Lifetime) -> None:
        self._lifetimes = (plain, remembered)
        self.max_age = max(plain.absolute, remembered.absolute)

    def start(
        self,
        connection: Connection,
        user_id: str,
        auth_version: int,
        client: Client,
        *,
        remembered: bool,
        now: datetime,
    ) -> Session:
        """Add a session that begins *now* and return it; its id is 192 random bits (SE-1)."""
        session_id = secrets.token_urlsafe(24)
        connection.execute(
            insert(SessionRow).values(
                id=session_id,
                user_id=user_id,
                auth_version=auth_version,
                remembered=remembered,
                created_at=now,
                last_seen_at=now,
                expires_at=now + self._lifetimes[remembered].absolute,
                confirmed_at=now,  # the password was typed just now
                token_id=new_token_id(),
                rotated_at=now,
                address=one_line(client.address),
                agent=one_line(client.agent),
            )
        )
        connection.execute(FIRST_USE, {"key": user_id, "now": now})
        for crowded in self.of_user(connection, user_id, now)[MAX_PER_USER:]:
            end_session(connection, crowded.id, EndReason.CROWDED_OUT, now)
            record(
                connection,
                Event.SESSION_REVOKED,
                now,
                user_id=user_id,
                session_id=crowded.id,
                client=client,
            )
        session = self.find(connection, session_id, now)
        assert session is not None  # noqa: S101  it was added above, in this transaction
        return session

    def find(self, connection: Connection, session_id: str, now: datetime) -> Session | None:
        """Return the session as it stands *now*, or None when there is none (SE-2)."""
        row = connection.execute(ONE, {"key": session_id}).first()
        return self._read(row, now) if row else None

    def of_user(self, connection: Connection, user_id: str, now: datetime) -> list[Session]:
        """Return the sessions that count, the most recently used first."""
        rows = connection.execute(OPEN_OF_USER, {"key": user_id})
        sessions = [self._read(row, now) for row in rows]
        return [session for session in sessions if not session.end_reason]

    def _read(self, row: AnyRow, now: datetime) -> Session:
        return Session(
            id=row.id,
            user=User(*row[-len(USER) :]),
            remembered=row.remembered,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            expires_at=row.expires_at,
            confirmed_at=row.confirmed_at,
            address=row.address,
            agent=row.agent,
            token_id=row.token_id,
            next_token_id=row.next_token_id,
            last_token_id=row.last_token_id,
            rotated_at=row.rotated_at,
            end_reason=self._end_reason(row, now),
        )

    def _end_reason(self, row: AnyRow, now: datetime) -> EndReason | None:
        """Return what ends the session: its own end, the user's state, or one of its limits."""
        if row.end_reason is not None:
            return EndReason(row.end_reason)
        if not row.is_active:
            return EndReason.DISABLED
        if row.session_version != row.user_version:
            return EndReason.CHANGED
        if now >= row.expires_at:
            return EndReason.EXPIRED
        if now >= row.last_seen_at + self._lifetimes[row.remembered].idle:
            return EndReason.IDLE
        return None


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


def end_session(connection: Connection, session_id: str, reason: EndReason, now: datetime) -> bool:
    """End the session for good; one that has ended keeps its first reason, and the answer is no."""
    ended = connection.execute(
        update(SessionRow)
        .where(SessionRow.id == session_id, SessionRow.ended_at.is_(None))
        .values(ended_at=now, end_reason=reason.value)
    )
    return ended.rowcount == 1
