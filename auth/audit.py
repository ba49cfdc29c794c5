"""The audit: every security event as a row in the database and a line in the log.

What a visitor can repeat at will (attempts over a limit, expired tokens, requests from other sites)
goes to the log only; otherwise anonymous visitors could flood the table.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, case, exists, insert, select, true, update

from auth.client import Client
from db.models import AuditEvent, User

log = logging.getLogger("auth.audit")

KEPT = timedelta(days=365)  # how long an event is kept
NO_CLIENT = Client()
NO_EMAILS: Mapping[str, str] = {}


class Event(StrEnum):
    """What happened, in OWASP's logging vocabulary (LG-1)."""

    LOGGED_IN = "authn_login_success"
    LOGGED_IN_AFTER_FAILING = "authn_login_successafterfail"
    LOG_IN_FAILED = "authn_login_fail"
    STEP_ASKED = "authn_login_step"  # the password was correct, and more is asked for
    PASSWORD_SWITCHED_OFF = "authn_login_fail_max"  # noqa: S105  a name, not a secret
    LOCKED = "authn_login_lock"
    CONFIRMED = "authn_password_again"  # step-up: the password or a passkey, again within a session
    PASSWORD_CHANGED = "authn_password_change"  # noqa: S105
    PASSWORD_REMOVED = "authn_password_removed"  # noqa: S105
    FACTOR_ADDED = "authn_factor_added"
    FACTOR_REMOVED = "authn_factor_removed"
    FACTOR_FAILED = "authn_factor_fail"
    PASSKEY_ADDED = "authn_passkey_added"
    PASSKEY_REMOVED = "authn_passkey_removed"
    PASSKEY_USED = "authn_passkey_used"
    PASSKEY_CLONED = "authn_passkey_cloned"
    PASSKEY_REFUSED = "authn_passkey_fail"  # within a session; at log-in it is a LOG_IN_FAILED
    DEVICE_TRUSTED = "authn_device_trusted"
    DEVICE_TRUST_ENDED = "authn_device_trust_ended"
    RECOVERY_USED = "authn_recovery_used"
    RECOVERY_RENEWED = "authn_recovery_renewed"
    LINK_SENT = "authn_token_created"
    SESSION_REVOKED = "authn_token_revoked"
    TOKEN_REUSED = "authn_token_reuse"  # noqa: S105
    SESSION_STARTED = "session_created"
    SESSION_RENEWED = "session_renewed"
    SESSION_EXPIRED = "session_expired"
    LOGGED_OUT = "session_logout"
    USED_AFTER_END = "session_use_after_expire"
    REFUSED = "authz_fail"
    INVITED = "user_invited"
    INVITATION_REVOKED = "user_invitation_revoked"
    INVITATION_ACCEPTED = "user_invitation_accepted"
    ROLE_GRANTED = "privilege_granted"
    ROLE_REVOKED = "privilege_revoked"
    TOO_MANY = "excess_rate_limit_exceeded"
    USER_CREATED = "user_created"
    USER_CHANGED = "user_updated"
    USER_DELETED = "user_deleted"


# Kept for a shorter time where no account exists.
STRANGERS = (Event.LOG_IN_FAILED.value, Event.LOCKED.value)


@dataclass(frozen=True)
class AuditEntry:
    """One event of an account."""

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
    by_id: str | None = None,
    detail: str | None = None,
) -> None:
    """Add *event* to the table and to the log; neither ever holds a secret (LG-2).

    *by_id* is the admin who acted on another account; *detail* is one more word, such as a role.
    """
    about = {"user_id": user_id, "by_id": by_id, "detail": detail}
    # What was under way while an account was deleted leaves no address of its user either.
    kept = exists().where(User.id == user_id) if user_id else true()
    connection.execute(
        insert(AuditEvent).values(
            at=now,
            event=event.value,
            session=session_mark(session_id),
            ip=case((kept, one_line(client.ip)), else_=""),
            user_agent=case((kept, one_line(client.user_agent)), else_=""),
            **about,
        )
    )
    emails = _emails(connection, user_id, by_id)
    note(event, now, session_id=session_id, client=client, emails=emails, **about)


def record_all(
    connection: Connection, events: Sequence[tuple[Event, str, str]], now: datetime
) -> None:
    """Add many *events*, each with its user's id and its detail, in one statement."""
    rows = [
        {"at": now, "event": event.value, "user_id": user_id, "detail": detail}
        for event, user_id, detail in events
    ]
    connection.execute(insert(AuditEvent).values(ip="", user_agent=""), rows)
    for event, user_id, detail in events:
        note(event, now, user_id=user_id, detail=detail)


def note(
    event: Event,
    now: datetime,
    *,
    user_id: str | None = None,
    session_id: str | None = None,
    client: Client = NO_CLIENT,
    by_id: str | None = None,
    detail: str | None = None,
    emails: Mapping[str, str] = NO_EMAILS,
) -> None:
    """Write *event* as one line of JSON to the log alone; no text can break the line (LG-3).

    *emails*, by user id, are not in the line but attached to the record, for web/terminal.py.
    """
    line = {
        "at": now.isoformat(),
        "event": event.value,
        "user": user_id,
        "session": session_mark(session_id),
        "ip": one_line(client.ip),
        "user_agent": one_line(client.user_agent),
    }
    line |= {"by": by_id} if by_id else {}
    line |= {"detail": detail} if detail else {}
    log.info(json.dumps(line), extra={"emails": emails})


def _emails(connection: Connection, *user_ids: str | None) -> Mapping[str, str]:
    """Return users' emails by id, for the terminal in development; none in production (LG-2)."""
    if not log.isEnabledFor(logging.DEBUG):
        return NO_EMAILS
    rows = connection.execute(select(User.id, User.email).where(User.id.in_(user_ids)))
    return {row.id: one_line(row.email) for row in rows}


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
