"""The audit: every security event, as a row that stays and as a line in the log.

What a stranger can repeat at will (attempts that a limit refused, tokens that are over, foreign
sites) goes to the log alone: a table that anybody can fill is no record.
"""

import hashlib
import json
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from auth.client import Client
from db.models import AuditEvent

log = logging.getLogger("auth.audit")

KEPT = timedelta(days=365)  # how long an event is remembered
NOBODY = Client()


class Event(StrEnum):
    """What happened, in OWASP's logging vocabulary (LG-1)."""

    LOGGED_IN = "authn_login_success"
    LOGGED_IN_AFTER_FAILING = "authn_login_successafterfail"
    LOG_IN_FAILED = "authn_login_fail"
    PASSWORD_SWITCHED_OFF = "authn_login_fail_max"  # noqa: S105  a name, not a secret
    LOCKED = "authn_login_lock"
    CONFIRMED = "authn_password_again"  # step-up: typed again within a session
    PASSWORD_CHANGED = "authn_password_change"  # noqa: S105
    LINK_SENT = "authn_token_created"
    SESSION_REVOKED = "authn_token_revoked"
    TOKEN_REUSED = "authn_token_reuse"  # noqa: S105
    SESSION_STARTED = "session_created"
    SESSION_RENEWED = "session_renewed"
    SESSION_EXPIRED = "session_expired"
    LOGGED_OUT = "session_logout"
    USED_AFTER_END = "session_use_after_expire"
    REFUSED = "authz_fail"
    TOO_MANY = "excess_rate_limit_exceeded"
    USER_CREATED = "user_created"
    USER_CHANGED = "user_updated"
    USER_DELETED = "user_deleted"


# What anybody does to accounts that do not exist: kept for a shorter time.
STRANGERS = (Event.LOG_IN_FAILED.value, Event.LOCKED.value)


@dataclass(frozen=True)
class Happening:
    """One event as its user may see it."""

    at: datetime
    event: Event
    address: str
    agent: str


def record(
    connection: Connection,
    event: Event,
    now: datetime,
    *,
    user_id: str | None = None,
    session_id: str | None = None,
    client: Client = NOBODY,
) -> None:
    """Add *event* to the table and to the log; neither ever gets a secret (LG-2)."""
    connection.execute(
        insert(AuditEvent).values(
            at=now,
            event=event.value,
            user_id=user_id,
            session=session_mark(session_id),
            address=one_line(client.address),
            agent=one_line(client.agent),
        )
    )
    note(event, now, user_id=user_id, session_id=session_id, client=client)


def note(
    event: Event,
    now: datetime,
    *,
    user_id: str | None = None,
    session_id: str | None = None,
    client: Client = NOBODY,
) -> None:
    """Write *event* as one line of JSON to the log alone; no text can break the line (LG-3)."""
    line = {
        "at": now.isoformat(),
        "event": event.value,
        "user": user_id,
        "session": session_mark(session_id),
        "address": one_line(client.address),
        "agent": one_line(client.agent),
    }
    log.info(json.dumps(line))


def recent(connection: Connection, user_id: str, *, since: datetime, most: int) -> list[Happening]:
    """Return the *most* recent events of a user *since* then, the newest first."""
    rows = connection.execute(
        select(AuditEvent.at, AuditEvent.event, AuditEvent.address, AuditEvent.agent)
        .where(AuditEvent.user_id == user_id, AuditEvent.at >= since)
        .order_by(AuditEvent.id.desc())
        .limit(most)
    )
    return [Happening(row.at, Event(row.event), row.address, row.agent) for row in rows]


def forget_where(connection: Connection, user_id: str) -> None:
    """Blank where a deleted user's events came from: the id that stays is a pseudonym."""
    connection.execute(
        update(AuditEvent).where(AuditEvent.user_id == user_id).values(address="", agent="")
    )


def session_mark(session_id: str | None) -> str | None:
    """Return what tells one session from another in a log and opens none."""
    return hashlib.sha256(session_id.encode()).hexdigest()[:16] if session_id else None


MAX_TEXT = 256  # characters of what a browser says of itself that tell anybody anything


def one_line(text: str) -> str:
    """Return what a browser sent of itself as one plain line."""
    return "".join(sign for sign in text[:MAX_TEXT] if sign.isprintable())
