"""Cookie hand-off: by a ticket at log-in, anew on page loads, and to a tab that asks again."""

from auth import rotation
from auth.audit import Event, session_mark
from auth.end_reason import EndReason
from auth.foundation import Foundation
from auth.sessions import Session, end_session
from auth.tickets import issue_ticket, use_ticket
from auth.users import Login

OPEN = {None, EndReason.STALE}  # a stale token too can end its session


class Carriage(Foundation):
    """The verbs between a session and the cookie of its browser."""

    def ticket(self, token: str, browser: str) -> str | None:
        """Return a ticket for the session of *token*, for the browser with this nonce only."""
        session = self.session(token, trusted=True)
        if session is None or session.end_reason:
            return None
        now = self._clock()
        with self._writing() as connection:
            return issue_ticket(connection, session.id, browser, now)

    def vouch(self, cookie: str | None, ticket: str) -> bool:
        """Make the *ticket* good that a tab has made up, and return whether the *cookie* may.

        The tab then exchanges it, as its own holder, for the newest token. Only the browser that
        a session belongs to has that as its cookie; a copy has the one before.
        """
        session = self.session(cookie)
        if session is None or session.end_reason or not session.newest:
            return False
        now = self._clock()
        with self._writing() as connection:
            issue_ticket(connection, session.id, ticket, now, ticket)
        return True

    def exchange_ticket(self, ticket: str, holder: str, cookie: str | None = None) -> Login | None:
        """Return the log-in that *ticket* stands for, once, in whichever process it arrives.

        *holder* is the nonce of the browser that it was made for; a tab's own ticket is its own.
        The session of the *cookie* that it takes the place of ends: a browser has one (SE-1).
        """
        now = self._clock()
        with self._writing() as connection:
            session_id = use_ticket(connection, ticket, holder, now)
            session = self._sessions.find(connection, session_id, now) if session_id else None
        if session is None or session.end_reason:
            return None
        login = self._login(session, session.token_id)
        self.end_replaced(login.token, cookie)
        return login

    def end_replaced(self, token: str, cookie: str | None) -> None:
        """End the session of *cookie*, unless it is that of *token*, which takes its place."""
        found = self.session(cookie, trusted=True)
        if found is None or found.end_reason not in OPEN:
            return
        if self.mark_of(token) == session_mark(found.id):
            return
        with self._writing() as connection:
            if end_session(connection, found.id, EndReason.REPLACED, self._clock()):
                self._record(connection, Event.SESSION_REVOKED, found)

    def refresh(self, token: str | None) -> Login | None:
        """Return what the cookie should hold from this page load on, or None to leave it (SE-9)."""
        session = self.session(token)
        if session is None or session.end_reason or not session.newest:
            return None
        token_id = session.next_token_id
        if token_id is None and rotation.is_due(session, self._clock()):
            with self._writing() as connection:
                if token_id := rotation.prepare(connection, session):
                    self._record(connection, Event.SESSION_RENEWED, session)
        return self._login(session, token_id) if token_id else None

    def log_out(self, token: str | None) -> None:
        """End the session itself, and so every copy of its cookie (SE-5); again is no fault."""
        session = self.session(token, trusted=True)
        if session is None or session.end_reason not in OPEN:
            return
        with self._writing() as connection:
            if end_session(connection, session.id, EndReason.LOGGED_OUT, self._clock()):
                self._record(connection, Event.LOGGED_OUT, session)

    def close_cookie(self, cookie: str | None, mark: str | None) -> bool:
        """End the session of *cookie*, and return whether the browser may forget the cookie.

        *mark* names the session that a page wants to end, by `mark_of`: the cookie of a log-in
        that followed it is another one's, and both stay.
        """
        if mark and mark != self.mark_of(cookie):
            session = self.session(cookie, trusted=True)
            return session is None or session.end_reason is not None
        self.log_out(cookie)
        return True

    def mark_of(self, token: str | None) -> str | None:
        """Return what names the session of *token* in a page, where it opens nothing."""
        claims = self._claims(token, self._clock())
        return session_mark(claims.session_id) if claims else None

    def _login(self, session: Session, token_id: str) -> Login:
        return Login(self._token(session, token_id), session.user, session.expires_at)
