"""The audit: every security event as a row in the database and a line in the log.

What a visitor can repeat at will (attempts over a limit, expired tokens, requests from other sites)
goes to the log only; otherwise anonymous visitors could flood the table.
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

KEPT = timedelta(days=365)  # how long an event is kept
NO_CLIENT = Client()


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


# Attempts on accounts that do not exist: kept for a shorter time.
STRANGERS = (Event.LOG_IN_FAILED.value, Event.LOCKED.value)


@dataclass(frozen=True)
class AuditEntry:
    """One event as its user may see it."""

    at: datetime
    event: Event
    ip: str
    user_agent: str


def record(
    connection: Connection,
    event: Event,
    now: datetime,
    *,
    user_id: str | None = None,
    session_id: str | None = None,
    client: Client = NO_CLIENT,
) -> None:
    """Add *event* to the table and to the log; neither ever holds a secret (LG-2)."""
    connection.execute(
        insert(AuditEvent).values(
            at=now,
            event=event.value,
            user_id=user_id,
            session=session_mark(session_id),
            ip=one_line(client.ip),
            user_agent=one_line(client.user_agent),
        )
    )
    note(event, now, user_id=user_id, session_id=session_id, client=client)


def note(
    event: Event,
    now: datetime,
    *,
    user_id: str | None = None,
    session_id: str | None = None,
    client: Client = NO_CLIENT,
) -> None:
    """Write *event* as one line of JSON to the log alone; no text can break the line (LG-3)."""
    line = {
        "at": now.isoformat(),
        "event": event.value,
        "user": user_id,
        "session": session_mark(session_id),
        "ip": one_line(client.ip),
        "user_agent": one_line(client.user_agent),
    }
    log.info(json.dumps(line))


def recent(connection: Connection, user_id: str, *, since: datetime, most: int) -> list[AuditEntry]:
    """Return the *most* recent events of a user *since* then, the newest first."""
    rows = connection.execute(
        select(AuditEvent.at, AuditEvent.event, AuditEvent.ip, AuditEvent.user_agent)
        .where(AuditEvent.user_id == user_id, AuditEvent.at >= since)
        .order_by(AuditEvent.id.desc())
        .limit(most)
    )
    return [AuditEntry(row.at, Event(row.event), row.ip, row.user_agent) for row in rows]


def forget_client(connection: Connection, user_id: str) -> None:
    """Blank the IP and User-Agent of a deleted user's events: the id that stays is a pseudonym."""
    connection.execute(
        update(AuditEvent).where(AuditEvent.user_id == user_id).values(ip="", user_agent="")
    )


def session_mark(session_id: str | None) -> str | None:
    """Return an id for a session in the log; it can't be used as a token."""
    return hashlib.sha256(session_id.encode()).hexdigest()[:16] if session_id else None


MAX_TEXT = 256  # characters of a User-Agent that are kept


def one_line(text: str) -> str:
    """Return text sent by a browser as one printable line."""
    return "".join(char for char in text[:MAX_TEXT] if char.isprintable())
