"""How the token gets into an HttpOnly cookie: by a ticket at log-in, and anew on page loads."""

from auth import rotation
from auth.audit import Event
from auth.foundation import Foundation
from auth.sessions import Session
from auth.tickets import issue_ticket, use_ticket
from auth.users import Login


class Carriage(Foundation):
    """The verbs that an HTTP answer needs; where JavaScript writes the cookie nobody calls them."""

    def ticket(self, token: str, browser: str) -> str | None:
        """Return a ticket for the session of *token*, for the browser with this nonce only."""
        session = self.session(token, trusted=True)
        if session is None or session.end_reason:
            return None
        now = self._clock()
        with self._writing() as connection:
            return issue_ticket(connection, session.id, browser, now)

    def exchange_ticket(self, ticket: str, browser: str) -> Login | None:
        """Return the log-in that *ticket* stands for, once, in whichever process it arrives."""
        now = self._clock()
        with self._writing() as connection:
            session_id = use_ticket(connection, ticket, browser, now)
            session = self._sessions.find(connection, session_id, now) if session_id else None
        if session is None or session.end_reason:
            return None
        return self._login(session, session.token_id)

    def refresh(self, token: str | None) -> Login | None:
        """Return what the cookie should hold from this page load on, or None to leave it (SE-9)."""
        session = self.session(token)
        if session is None or session.end_reason:
            return None
        if not rotation.is_due(session, self._clock()):
            return self._login(session, session.next_token_id or session.token_id)
        with self._writing() as connection:
            token_id = rotation.prepare(connection, session)
            self._record(connection, Event.SESSION_RENEWED, session)
        return self._login(session, token_id)

    def _login(self, session: Session, token_id: str) -> Login:
        return Login(self._token(session, token_id), session.user, session.expires_at)
