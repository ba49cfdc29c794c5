"""Sessions in the database: started at log-in, read on every run, ended for a reason.

log-in ── start ──▶ open ── touched once a minute while it is used
│
└── ended: logged out, replaced, revoked, idle, expired, reused, …
"""

import secrets
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, insert, select, update

from auth.audit import Event, one_line, record
from auth.client import UNKNOWN, network
from auth.client import Client as Client
from auth.roles import ROLES, Role
from auth.tokens import new_token_id
from auth.users import User
from db.models import AnyRow
from db.models import Session as SessionRow
from db.models import User as UserRow

TOUCH_EVERY = timedelta(minutes=1)  # how often a run may write that the session was used (SE-4)
NEWEST = 500  # sessions of a user whose networks are known: each attempt to log in reads them
MAX_PER_USER = 10  # open sessions; one more ends the one unused for longest (SE-10)


class EndReason(StrEnum):
    """Why a session ended."""

    LOGGED_OUT = "logged_out"
    REPLACED = "replaced"  # by another log-in in the same browser
    CROWDED_OUT = "crowded_out"  # by too many newer ones
    ENDED = "ended"  # from another device of the same user
    STALE = "stale"  # never stored: this token was replaced, and the session may be open
    REUSED = "reused"  # a replaced token was presented again: the cookie was copied
    EXPIRED = "expired"  # the absolute lifetime is over
    IDLE = "idle"
    DISABLED = "disabled"  # the account was disabled
    CHANGED = "changed"  # the account changed in a way that ends every session
    ONE_FACTOR = "one_factor"  # the settings or a role now require two


# A session that may still be open: STALE is about the token that presents it alone.
MAY_BE_OPEN = {None, EndReason.STALE}


@dataclass(frozen=True)
class Lifetime:
    """A session's lifetime: *absolute* from log-in, *idle* from its last use."""

    absolute: timedelta
    idle: timedelta


class Session(NamedTuple):
    """A session's row and its user, as seen through one token."""

    # The first are the columns of OWN, in that order.
    id: str
    remembered: bool
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None
    ip: str
    user_agent: str
    token_id: str
    next_token_id: str | None
    last_token_id: str | None
    rotated_at: datetime
    two_factors: bool
    by_passkey: bool
    auth_version: int  # the user's when it began, or when it was kept at a change since then
    user: User
    end_reason: EndReason | None = None  # None while it is open
    newest: bool = True  # whether it was found by its newest token

    @property
    def is_open(self) -> bool:
        """Whether the session is open."""
        return self.end_reason is None

    @property
    def roles(self) -> frozenset[Role]:
        """The roles of its user."""
        return self.user.roles

    @property
    def client(self) -> Client:
        """The client that logged in."""
        return Client(self.ip, self.user_agent)


# A field of `User` is a column of the same name, but for the roles: a new one needs no change here.
USER = [
    (ROLES if each.name == "roles" else getattr(UserRow, each.name)).label(f"user_{each.name}")
    for each in fields(User)
]
# What decides whether a session is open, besides its times; and the other columns of `Session`.
STATE = [SessionRow.end_reason, UserRow.is_active, SessionRow.auth_version, UserRow.auth_version]
OWN = [getattr(SessionRow, name) for name in Session._fields[: Session._fields.index("user")]]
# Built once: the guard runs the first on every script run, and SQLAlchemy caches what it compiled.
# Its rows are read by position: looking each column up by name cost a tenth of the whole read.
COLUMNS: Select[*tuple[Any, ...]] = select(*STATE, *OWN, *USER).join(
    UserRow, UserRow.id == SessionRow.user_id
)
BY_ID = COLUMNS.where(SessionRow.id == bindparam("key"))
OPEN_OF_USER = COLUMNS.where(
    SessionRow.user_id == bindparam("key"), SessionRow.ended_at.is_(None)
).order_by(SessionRow.last_seen_at.desc(), SessionRow.created_at.desc())

FIRST_USE = (
    update(UserRow)
    .where(UserRow.id == bindparam("key"), UserRow.used_at.is_(None))
    .values(used_at=bindparam("now"))
)
NEWEST_OF_USER = (
    select(SessionRow.ip)
    .where(SessionRow.user_id == bindparam("key"))
    .order_by(SessionRow.created_at.desc())
    .limit(NEWEST)
    .subquery()
)
IPS_OF_USER = select(NEWEST_OF_USER.c.ip).distinct()


class Sessions:
    """The sessions table with this app's *plain* and *remembered* lifetimes."""

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
        two_factors: bool,
        by_passkey: bool,
        now: datetime,
    ) -> Session:
        """Insert a session that starts *now* and return it; its id is 192 random bits (SE-1)."""
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
                confirmed_at=now,  # by the password, or a passkey
                two_factors=two_factors,
                by_passkey=by_passkey,
                token_id=new_token_id(),
                rotated_at=now,
                ip=one_line(client.ip),
                user_agent=one_line(client.user_agent),
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
        assert session is not None  # noqa: S101  it was inserted above, in this transaction
        return session

    def find(self, connection: Connection, session_id: str, now: datetime) -> Session | None:
        """Return the session in its state *now*, or None if it doesn't exist (SE-2)."""
        row = connection.execute(BY_ID, {"key": session_id}).first()
        return self._read(row, now) if row else None

    def of_user(self, connection: Connection, user_id: str, now: datetime) -> list[Session]:
        """Return the open sessions of a user, the most recently used first."""
        rows = connection.execute(OPEN_OF_USER, {"key": user_id})
        return [session for row in rows if (session := self._read(row, now)).is_open]

    def _read(self, row: AnyRow, now: datetime) -> Session:
        state, own, user = row[: len(STATE)], row[len(STATE) : -len(USER)], row[-len(USER) :]
        session = Session._make((*own, User(*user), None, True))
        reason = self._end_reason(session, state, now)
        return session._replace(end_reason=reason) if reason else session

    def _end_reason(
        self, session: Session, state: tuple[Any, ...], now: datetime
    ) -> EndReason | None:
        """Return why the session ended, or None: its own end, the user's state, or a lifetime.

        *state* is the row's values for the columns in STATE.
        """
        stored, is_active, version, user_version = state
        if stored is not None:
            return EndReason(stored)
        if not is_active:
            return EndReason.DISABLED
        if version != user_version:
            return EndReason.CHANGED
        if now >= session.expires_at:
            return EndReason.EXPIRED
        if now >= session.last_seen_at + self._lifetimes[session.remembered].idle:
            return EndReason.IDLE
        return None


def touch_session(connection: Connection, session_id: str, now: datetime) -> None:
    """Record that the session was used *now*; never moves back, never touches an ended session."""
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
    """End the session; return False if it has already ended: it keeps its first reason."""
    ended = connection.execute(
        update(SessionRow)
        .where(SessionRow.id == session_id, SessionRow.ended_at.is_(None))
        .values(ended_at=now, end_reason=reason.value)
    )
    return ended.rowcount == 1


def known_networks(connection: Connection, user_id: str) -> set[str]:
    """Return the networks of a user's newest sessions, while those are kept.

    Not of all: nothing counts a log-in that succeeds, and a refusal must stay cheap (AV-1).
    """
    rows = connection.execute(IPS_OF_USER, {"key": user_id})
    return {network(row.ip) for row in rows} - {UNKNOWN}


def forget_clients(connection: Connection, user_id: str) -> None:
    """Blank where a user's sessions were from: no network and no browser is known any more."""
    its = update(SessionRow).where(SessionRow.user_id == user_id)
    connection.execute(its.values(ip="", user_agent=""))


def known_user_agents(connection: Connection, user_id: str, but: str) -> set[str]:
    """Return the known User-Agents of a user's sessions, except those of the session *but*."""
    others = (SessionRow.user_id == user_id, SessionRow.id != but)
    rows = connection.execute(
        select(SessionRow.user_agent).where(*others, SessionRow.user_agent != "").distinct()
    )
    return {row.user_agent for row in rows}
