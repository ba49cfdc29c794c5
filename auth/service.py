"""The verbs an app may use: those about a session here, and those of each feature from its file."""

from contextlib import suppress

from sqlalchemy import literal, select

from auth.administration import Administration
from auth.audit import Event, note
from auth.carriage import Carriage
from auth.end_reason import EndReason
from auth.errors import TokenExpired, TokenRefused, Unavailable
from auth.own_data import OwnData
from auth.sessions import TOUCH_EVERY, Session, end_session, touch_session
from auth.tokens import read
from auth.users import User

TOUCH_PATIENCE = 100  # milliseconds that a page waits to note that its session was used
LAPSED = {EndReason.EXPIRED, EndReason.IDLE}


class AuthService(OwnData, Carriage, Administration):
    """Accounts and sessions. Each refusal is an AuthError; each feature brings its own verbs."""

    def resume(
        self, token: str | None, *, touch: bool = True, trusted: bool = False
    ) -> User | None:
        """Return the user of the session that *token* names, if it is open; note that it was used.

        *touch* and *trusted* are those of `resume_session`.
        """
        session = self.resume_session(token, touch=touch, trusted=trusted)
        return session.user if session and not session.end_reason else None

    def resume_session(
        self, token: str | None, *, touch: bool = True, trusted: bool = False
    ) -> Session | None:
        """Return the session that *token* names, open or over, and note that it was used.

        Asked on every run (SE-2). *touch* is false where nobody did anything, such as a page
        that looks whether it may stay open: that must not keep a session alive. *trusted* is
        explained by `session`.
        """
        session = self.session(token, trusted=trusted)
        if session is None or session.end_reason:
            return session
        now = self._clock()
        if touch and now - session.last_seen_at >= TOUCH_EVERY:
            # Another writer may hold the lock for long: the next run notes the use as well.
            with suppress(Unavailable), self._writing(TOUCH_PATIENCE) as connection:
                touch_session(connection, session.id, now)
        return session

    def end_reason(self, token: str | None) -> EndReason | None:
        """Return why the session that *token* names is over, to tell the person who had it."""
        now = self._clock()
        try:
            read(token or "", self._keys, now=now, max_age=self._sessions.max_age)
        except TokenExpired:
            note(Event.SESSION_EXPIRED, now)
            return EndReason.EXPIRED
        except TokenRefused:
            return None
        session = self.session(token, trusted=True)
        if session is None or session.end_reason in {None, EndReason.STALE}:
            return session.end_reason if session else None
        if session.end_reason in LAPSED and self._lapse(session, session.end_reason):
            return session.end_reason
        note(Event.USED_AFTER_END, now, user_id=session.user.id, session_id=session.id)
        return session.end_reason

    def _lapse(self, session: Session, reason: EndReason) -> bool:
        """Write down that the session has ended by the clock, and tell whether that is news."""
        with self._writing() as connection:
            news = end_session(connection, session.id, reason, self._clock())
            if news:
                self._record(connection, Event.SESSION_EXPIRED, session)
        return news

    def is_ready(self) -> bool:
        """Tell whether the database answers."""
        with self._reading() as connection:
            return bool(connection.execute(select(literal(1))).scalar())
