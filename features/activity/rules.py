"""An account's recent events, read from the audit."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from auth.audit import AuditEntry, recent
from auth.service import AuthService
from auth.sessions import Session
from auth.users import User

RECENT_DAYS = 30  # shown by "Recent activity"
MOST = 1_000  # events of those days: more than a person causes or a page can show
EXPORTED = 10_000  # events that a download may have


def recent_activity(auth: AuthService, session: Session) -> list[AuditEntry]:
    """Return the account's events of the last thirty days, newest first."""
    since = auth.now() - timedelta(days=RECENT_DAYS)
    with auth.read() as connection:
        return recent(connection, session.user.id, since=since, most=MOST)


def export(auth: AuthService, connection: Connection, user: User) -> dict[str, Any]:
    """Return the audit's entries about *user*, for their download."""
    entries = recent(connection, user.id, since=user.created_at, most=EXPORTED)
    return {
        "activity": [
            {"at": it.at, "event": it.event.value, "ip": it.ip, "user_agent": it.user_agent}
            for it in entries
        ]
    }
