"""Administration: what whoever runs the app may do to accounts; `python -m auth` offers it."""

from sqlalchemy import select, update

from auth.audit import Event, record
from auth.foundation import Foundation
from auth.users import set_active
from db.models import User as UserRow


class Administration(Foundation):
    """The verbs of an operator; no page calls them."""

    def disable(self, user_id: str) -> None:
        """Keep the user out from now on; every session of theirs is over (SE-6)."""
        self._switch(user_id, active=False)

    def enable(self, user_id: str) -> None:
        """Let the user log in again; sessions from before stay over."""
        self._switch(user_id, active=True)

    def end_every_session(self, user_id: str | None = None) -> None:
        """End every session of one user, or of all of them (SE-8)."""
        now = self._clock()
        whose = [UserRow.id == user_id] if user_id else []
        with self._writing() as connection:
            connection.execute(
                update(UserRow).where(*whose).values(auth_version=UserRow.auth_version + 1)
            )
            record(connection, Event.SESSION_REVOKED, now, user_id=user_id)

    def find_user(self, email_key: str) -> str | None:
        """Return the id of the account with this address."""
        with self._reading() as connection:
            found: str | None = connection.scalar(
                select(UserRow.id).where(UserRow.email_key == email_key)
            )
        return found

    def _switch(self, user_id: str, *, active: bool) -> None:
        with self._writing() as connection:
            set_active(connection, user_id, active=active)
            record(connection, Event.USER_CHANGED, self._clock(), user_id=user_id)
