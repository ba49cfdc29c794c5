"""One's own data: seen, taken along, and taken away."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from auth.audit import Event, Happening, forget_where, recent, record
from auth.changes import Changes
from auth.client import Client
from auth.email_tokens import pending_address
from auth.limits import NOTICE_RECIPIENT
from auth.users import delete_user
from db.models import Session as SessionRow

RECENT_DAYS = 30  # what "Recent activity" shows
MOST = 1_000  # events of those days: more than a person makes, and a page can draw
EVERYTHING = 10_000  # events that a download may have


class OwnData(Changes):
    """The verbs about what we keep of the user who asks."""

    def activity(self, token: str | None) -> list[Happening]:
        """Return what happened to this account in the last thirty days, the newest first."""
        session = self._alive(token)
        since = self._clock() - timedelta(days=RECENT_DAYS)
        with self._reading() as connection:
            return recent(connection, session.user.id, since=since, most=MOST)

    def my_data(self, token: str | None) -> dict[str, Any]:
        """Return all that is kept about the user who asks, ready for JSON; no secret is in it."""
        session = self._alive(token)
        user = session.user
        with self._reading() as connection:
            happenings = recent(connection, user.id, since=user.created_at, most=EVERYTHING)
            sessions = connection.execute(
                select(
                    SessionRow.created_at,
                    SessionRow.last_seen_at,
                    SessionRow.expires_at,
                    SessionRow.ended_at,
                    SessionRow.end_reason,
                    SessionRow.remembered,
                    SessionRow.address,
                    SessionRow.agent,
                )
                .where(SessionRow.user_id == user.id)
                .order_by(SessionRow.created_at.desc())
            )
            return {
                "account": {
                    "id": user.id,
                    "email": user.email,
                    "new_email": pending_address(connection, user.id, self._clock()),
                    "name": user.name,
                    "created_at": _text(user.created_at),
                    "verified_at": _text(user.verified_at),
                },
                "sessions": [
                    {name: _text(value) for name, value in row._mapping.items()} for row in sessions
                ],
                "activity": [
                    {"at": _text(it.at), "event": it.event.value}
                    | {"address": it.address, "agent": it.agent}
                    for it in happenings
                ],
            }

    def delete_account(
        self, token: str | None, password: str, client: Client | None = None
    ) -> None:
        """Delete the account of the user who asks, and all that is personal (GHSA-2vg6-77g8-24mp).

        The audit keeps its events under an id that names nobody any more. Raises WrongPassword,
        or TooMany.
        """
        session = self._alive(token)
        self._check_password(session, password, client)
        with self._writing() as connection:
            delete_user(connection, session.user.id)
            forget_where(connection, session.user.id)
            record(connection, Event.USER_DELETED, self._clock(), user_id=session.user.id)
        self._notify(self._emails.deleted(session.user.email), NOTICE_RECIPIENT)


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
