"""A user's own sessions: seen, ended one by one or all but this, after the password again."""

from collections.abc import Callable
from datetime import timedelta

from auth import rotation
from auth.audit import Event
from auth.client import Client
from auth.errors import PasswordNeeded, WrongPassword
from auth.foundation import Foundation
from auth.limits import MOST_FAILURES, PASSWORD_AGAIN
from auth.passwords import verify_password
from auth.places import networks_of
from auth.sessions import EndReason, Session, end_session
from auth.throttle import clear
from auth.tokens import new_token_id
from auth.users import Login, count_failure, find_by_id, update_user

RECENT = timedelta(minutes=10)  # how long a typed password opens what needs it (ASVS 5.0 7.5)


class Devices(Foundation):
    """The verbs about one's own sessions; each takes the *token* of the session that asks."""

    def sessions(self, token: str | None) -> list[Session]:
        """Return the sessions of the user who asks, the most recently used first (SE-7)."""
        session = self._alive(token)
        with self._reading() as connection:
            return self._sessions.of_user(connection, session.user.id, self._clock())

    def recently_authenticated(self, token: str | None, within: timedelta = RECENT) -> bool:
        """Return whether the password was typed in this session *within* the last minutes.

        Logging in with it counts. A token that step-up has replaced does not have it.
        """
        session = self.session(token, trusted=True)
        if session is None or session.end_reason or session.confirmed_at is None:
            return False
        return self._clock() < session.confirmed_at + within

    def confirm_password(
        self, token: str | None, password: str, client: Client | None = None
    ) -> Login:
        """Step up: return the session under a new token, which alone has the password typed now.

        Copies of the old token gain nothing (ASVS 5.0 7.2.4). *client* is who asks, where known.
        Raises WrongPassword, or TooMany.
        """
        session = self._alive(token)
        self._check_password(session, password, client)
        token_id = new_token_id()
        with self._writing() as connection:
            rotation.step_up(connection, session, token_id, self._clock())
            self._record(connection, Event.CONFIRMED, session)
            self._record(connection, Event.SESSION_RENEWED, session)
        return Login(self._token(session, token_id), session.user, session.expires_at)

    def end_session(self, token: str | None, session_id: str) -> None:
        """End one session of the user who asks; raises PasswordNeeded first."""
        self._end(token, lambda session: session.id == session_id)

    def end_other_sessions(self, token: str | None) -> None:
        """End every session of the user who asks but this one; raises PasswordNeeded first."""
        own = self._alive(token).id
        self._end(token, lambda session: session.id != own)

    def _check_password(self, session: Session, password: str, client: Client | None) -> None:
        """Return where *password* is right, or raise WrongPassword, or TooMany after a few.

        The limit is the session's from one network: with a stolen cookie nobody elsewhere uses up
        its owner's attempts. A wrong guess counts as one at log-in does (TH-1), and after too many
        the password is good from known networks alone here too.
        """
        client = client or session.client
        user_id = session.user.id
        counters = [PASSWORD_AGAIN.on(f"{session.id} {client.network}")]
        self._take(counters, client)
        with self._reading() as connection:
            row = find_by_id(connection, user_id)
            known = client.network in networks_of(connection, user_id)
        stored = row.password_hash if row else None
        right = bool(verify_password(password, stored, self._scheme, client.source))
        if row is None or not right or (row.failures >= MOST_FAILURES and not known):
            with self._writing() as connection:
                failures = None if right else count_failure(connection, user_id)
                self._record(connection, Event.REFUSED, session)
                if failures == MOST_FAILURES:
                    self._record(connection, Event.PASSWORD_SWITCHED_OFF, session)
            if failures == MOST_FAILURES:
                self._send(self._emails.password_off(session.user.email))
            raise WrongPassword
        with self._writing() as connection:
            clear(connection, counters)
            if row.failures:
                update_user(connection, user_id, failures=0)

    def _end(self, token: str | None, chosen: Callable[[Session], bool]) -> None:
        if not self.recently_authenticated(token):
            raise PasswordNeeded
        user_id = self._alive(token).user.id
        now = self._clock()
        with self._writing() as connection:
            for session in filter(chosen, self._sessions.of_user(connection, user_id, now)):
                end_session(connection, session.id, EndReason.ENDED, now)
                self._record(connection, Event.SESSION_REVOKED, session)
