"""A user's personal data: downloaded, and deleted."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from auth.audit import Event, forget_client, record
from auth.client import Client
from auth.limits import NOTICE_RECIPIENT
from auth.roles import keep_an_admin
from auth.service import AuthService
from auth.sessions import Session
from auth.step_up import require_password
from auth.users import User, delete_user
from db.models import Session as SessionRow
from features.personal_data.emails import deleted


def export_data(auth: AuthService, session: Session) -> dict[str, Any]:
    """Return all data kept about the user of *session*, ready for JSON and without secrets.

    Raises SessionOver.
    """
    with auth.read() as connection:
        auth.require_open(connection, session)
        return collect(auth, connection, session.user)


def collect(auth: AuthService, connection: Connection, user: User) -> dict[str, Any]:
    """Return all data kept about *user*; each feature adds its part."""
    sessions = connection.execute(
        select(
            SessionRow.created_at,
            SessionRow.last_seen_at,
            SessionRow.expires_at,
            SessionRow.ended_at,
            SessionRow.end_reason,
            SessionRow.remembered,
            SessionRow.ip,
            SessionRow.user_agent,
        )
        .where(SessionRow.user_id == user.id)
        .order_by(SessionRow.created_at.desc())
    )
    data: dict[str, Any] = {
        "account": {
            "id": user.id,
            "email": user.email,
            "name": user.name,
            "created_at": user.created_at,
            "verified_at": user.verified_at,
            "roles": sorted(user.roles),
        },
        "sessions": [dict(row._mapping) for row in sessions],
    }
    for feature in auth.features:
        if feature.export:
            data |= feature.export(auth, connection, user)
    return {name: _plain(value) for name, value in data.items()}


def delete_account(
    auth: AuthService, session: Session, password: str, client: Client | None = None
) -> None:
    """Delete the account of *session*'s user and all its personal data (GHSA-2vg6-77g8-24mp).

    The audit keeps its events under an id that no longer identifies a person. Raises
    WrongPassword, PasswordNeeded, TooMany, LastAdmin, or SessionOver.
    """
    require_password(auth, session, password, client)
    with auth.write_as(session) as connection:
        keep_an_admin(connection, session.user.id)
        delete_user(connection, session.user.id)
        forget_client(connection, session.user.id)
        record(connection, Event.USER_DELETED, auth.now(), user_id=session.user.id)
    auth.notify(deleted(auth.emails, session.user.email), NOTICE_RECIPIENT)


def _plain(value: Any) -> Any:
    """Return *value* with datetimes as ISO 8601 text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
