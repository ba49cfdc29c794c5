"""A user's own sessions: seen, ended one by one or all but this, after the password again."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import update

from auth.audit import Event
from auth.errors import PasswordNeeded, WrongPassword
from auth.foundation import Foundation
from auth.limits import PASSWORD_AGAIN
from auth.passwords import verify_password
from auth.sessions import EndReason, Session, end_session
from auth.throttle import clear
from auth.users import find_by_id
from db.models import Session as SessionRow

RECENT = timedelta(minutes=10)  # how long a typed password opens what needs it (ASVS 5.0 7.5)


class Devices(Foundation):
    """The verbs about one's own sessions; each takes the *token* of the session that asks."""

    def sessions(self, token: str | None) -> list[Session]:
        """Return the sessions of the user who asks, the most recently used first (SE-7)."""
        session = self._alive(token)
        with self._reading() as connection:
            return self._sessions.of_user(connection, session.user.id, self._clock())

    def recently_authenticated(self, token: str | None, within: timedelta = RECENT) -> bool:
        """Tell whether the password was typed again in this session *within* the last minutes."""
        session = self.session(token, trusted=True)
        if session is None or session.end_reason or session.confirmed_at is None:
            return False
        return self._clock() < session.confirmed_at + within

    def confirm_password(self, token: str | None, password: str) -> None:
        """Note that the password was typed again, or raise WrongPassword or TooMany."""
        session = self._alive(token)
        self._check_password(session, password)
        with self._writing() as connection:
            connection.execute(
                update(SessionRow)
                .where(SessionRow.id == session.id)
                .values(confirmed_at=self._clock())
            )

    def end_session(self, token: str | None, session_id: str) -> None:
        """End one session of the user who asks; raises PasswordNeeded first."""
        self._end(token, lambda session: session.id == session_id)

    def end_other_sessions(self, token: str | None) -> None:
        """End every session of the user who asks but this one; raises PasswordNeeded first."""
        own = self._alive(token).id
        self._end(token, lambda session: session.id != own)

    def _check_password(self, session: Session, password: str) -> None:
        """Return where *password* is right, or raise WrongPassword, or TooMany after a few."""
        budget = PASSWORD_AGAIN.on(session.user.id)
        self._take([budget], session.client)
        with self._reading() as connection:
            row = find_by_id(connection, session.user.id)
        if not verify_password(password, row.password_hash if row else None, self._scheme):
            with self._writing() as connection:
                self._record(connection, Event.REFUSED, session)
            raise WrongPassword
        with self._writing() as connection:
            clear(connection, [budget])

    def _end(self, token: str | None, chosen: Callable[[Session], bool]) -> None:
        if not self.recently_authenticated(token):
            raise PasswordNeeded
        user_id = self._alive(token).user.id
        now = self._clock()
        with self._writing() as connection:
            for session in filter(chosen, self._sessions.of_user(connection, user_id, now)):
                end_session(connection, session.id, EndReason.ENDED, now)
                self._record(connection, Event.SESSION_REVOKED, session)
