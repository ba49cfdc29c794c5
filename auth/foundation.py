"""What every verb of the service stands on: the database, the clock, the keys, and one look."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from auth import rotation
from auth.errors import TokenRefused, Unavailable
from auth.keys import KeyRing
from auth.passwords import Scheme, stand_in
from auth.sessions import EndReason, Lifetime, Session, Sessions, end_session
from auth.tokens import Claims, issue, read
from db.engine import Database
from db.types import utc_now
from settings import Settings

log = logging.getLogger("auth")


class Foundation:
    """The parts that verbs share. Each verb is one short transaction."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self._database = database
        self._clock = clock
        self._scheme = Scheme(settings.bcrypt_rounds, settings.peppers)
        self._keys = KeyRing.of(settings.keys, purpose="session")
        self._sessions = Sessions(
            plain=Lifetime(settings.session_max_age, settings.session_idle_age),
            remembered=Lifetime(settings.session_remember_age, settings.session_remember_idle_age),
        )
        stand_in(self._scheme.rounds)  # now, so that no log-in pays for it (BC-4)

    def session(self, token: str | None, *, held: bool = False) -> Session | None:
        """Return the session that *token* names, alive or over, or None for no token of ours.

        A token is *held* where it was presented before and has not left the server since. One
        that a browser presents must be the newest: an older one is a copy, and ends the session
        for whoever has either (SE-9).
        """
        claims = self._claims(token)
        if claims is None:
            return None
        now = self._clock()
        with self._reading() as connection:
            session = self._sessions.find(connection, claims.session_id, now)
        if session is None or session.user.id != claims.user_id:
            return None
        if held or session.over or claims.token_id == session.token_id:
            return session
        return self._follow(session, claims.token_id, now)

    def _follow(self, session: Session, token_id: str, now: datetime) -> Session:
        """Return *session* after a token that is not the one in use was presented."""
        if rotation.is_reused(session, token_id, now):
            log.warning("authn_token_reuse user=%s", session.user.id)
            with self._writing() as connection:
                end_session(connection, session.id, EndReason.REUSED, now)
            return replace(session, over=EndReason.REUSED)
        if token_id == session.next_token_id:
            with self._writing() as connection:
                rotation.accept(connection, session, token_id, now)
        return session

    def _token(self, session: Session, token_id: str) -> str:
        return issue(
            session.user.id,
            session.id,
            self._keys,
            now=self._clock(),
            expires_at=session.expires_at,
            token_id=token_id,
        )

    def _claims(self, token: str | None) -> Claims | None:
        if not token:
            return None
        try:
            return read(token, self._keys, now=self._clock(), max_age=self._sessions.max_age)
        except TokenRefused:
            return None

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._database.read() as connection:
                yield connection
        except (DBAPIError, PoolTimeout) as fault:
            raise Unavailable from fault

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._database.write() as connection:
                yield connection
        except (DBAPIError, PoolTimeout) as fault:
            raise Unavailable from fault
