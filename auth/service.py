"""The verbs an app may use: sign up, log in, resume, log out."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from auth.addresses import InvalidAddress, read_address
from auth.errors import InvalidDetails, LogInRefused, TokenExpired, TokenRefused, Unavailable
from auth.keys import KeyRing
from auth.names import InvalidName, read_name
from auth.password_rules import password_faults
from auth.passwords import Scheme, hash_password, stand_in, verify_password
from auth.sessions import (
    TOUCH_EVERY,
    Client,
    EndReason,
    Lifetime,
    Session,
    end_session,
    look_at_session,
    start_session,
    touch_session,
)
from auth.tokens import Claims, issue, read
from auth.users import User, add_user, as_user, find_by_address, replace_hash, set_active
from db.engine import Database
from db.types import utc_now
from settings import Settings


@dataclass(frozen=True)
class Login:
    """A log-in that worked: the token for the cookie, whose it is, and when it ends."""

    token: str
    user: User
    expires_at: datetime


class AuthService:
    """Accounts and sessions. Each verb is one short transaction; each refusal is an AuthError."""

    def __init__(
        self, database: Database, settings: Settings, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self.settings = settings
        self._database = database
        self._clock = clock
        self._scheme = Scheme(settings.bcrypt_rounds, settings.peppers)
        self._keys = KeyRing.of(settings.keys, purpose="session")
        self._lifetimes = (
            Lifetime(settings.session_max_age, settings.session_idle_age),
            Lifetime(settings.session_remember_age, settings.session_remember_idle_age),
        )
        self._max_age = max(lifetime.absolute for lifetime in self._lifetimes)
        stand_in(self._scheme.rounds)  # now, so that no log-in pays for it (BC-4)

    def sign_up(self, email: str, password: str, name: str = "") -> User:
        """Make an account.

        Raises InvalidDetails with every broken rule of every field, or EmailTaken.
        """
        faults: dict[str, list[str]] = {}
        try:
            name = read_name(name)
        except InvalidName as fault:
            faults["name"] = [str(fault)]
        try:
            address = read_address(email)
        except InvalidAddress as fault:
            faults["email"] = [str(fault)]
        if weak := self.password_faults(password, email, name):
            faults["password"] = weak
        if faults:
            raise InvalidDetails(faults)
        password_hash = hash_password(password, self._scheme)
        with self._writing() as connection:
            return add_user(connection, address, name, password_hash, self._clock())

    def password_faults(self, password: str, email: str = "", name: str = "") -> list[str]:
        """Return a sentence for each rule that *password* breaks for this person."""
        context = (email, email.partition("@")[0], name, self.settings.app_name)
        return password_faults(password, self.settings.password_min_length, context)

    def log_in(self, email: str, password: str, client: Client, remember: bool = False) -> Login:
        """Start a session, and end the one whose token *client* brought along (SE-1).

        Raises LogInRefused for every reason alike, after the same work (EN-1, BC-4).
        """
        row = self._find(email)
        verdict = verify_password(password, row.password_hash if row else None, self._scheme)
        if row is None or not row.is_active or not verdict:
            raise LogInRefused
        upgraded = hash_password(password, self._scheme) if verdict.needs_rehash else None
        presented = self._claims(client.token)
        now = self._clock()
        lifetime = self._lifetimes[remember]
        with self._writing() as connection:
            if presented:
                end_session(connection, presented.session_id, EndReason.REPLACED, now)
            if upgraded:
                replace_hash(connection, row.id, row.password_hash, upgraded)
            session_id = start_session(
                connection,
                row.id,
                row.auth_version,
                client,
                remembered=remember,
                now=now,
                lifetime=lifetime,
            )
        expires_at = now + lifetime.absolute
        token = issue(row.id, session_id, self._keys, now=now, expires_at=expires_at)
        return Login(token, as_user(row), expires_at)

    def resume(self, token: str | None, *, touch: bool = True) -> User | None:
        """Return whose session *token* names, if it is alive, and note that it was used.

        Asked on every run (SE-2). *touch* is false where nobody did anything, such as a page
        that looks whether it may stay open: that must not keep a session alive.
        """
        session = self.session(token)
        if session is None or session.over:
            return None
        now = self._clock()
        if touch and now - session.last_seen_at >= TOUCH_EVERY:
            with self._writing() as connection:
                touch_session(connection, session.id, now)
        return session.user

    def session(self, token: str | None) -> Session | None:
        """Return the session that *token* names, alive or over, or None for no token of ours."""
        claims = self._claims(token)
        if claims is None:
            return None
        with self._reading() as connection:
            session = look_at_session(connection, claims.session_id, self._clock(), self._lifetimes)
        return session if session and session.user.id == claims.user_id else None

    def why_over(self, token: str | None) -> EndReason | None:
        """Return why the session that *token* names is over, to tell the person who had it."""
        try:
            read(token or "", self._keys, now=self._clock(), max_age=self._max_age)
        except TokenExpired:
            return EndReason.EXPIRED
        except TokenRefused:
            return None
        return session.over if (session := self.session(token)) else None

    def log_out(self, token: str | None) -> None:
        """End the session itself, and so every copy of its cookie (SE-5); again is no fault."""
        if claims := self._claims(token):
            with self._writing() as connection:
                end_session(connection, claims.session_id, EndReason.LOGGED_OUT, self._clock())

    def disable(self, user_id: str) -> None:
        """Keep the user out from now on; every session of theirs is over (SE-6)."""
        with self._writing() as connection:
            set_active(connection, user_id, active=False)

    def enable(self, user_id: str) -> None:
        """Let the user log in again; sessions from before stay over."""
        with self._writing() as connection:
            set_active(connection, user_id, active=True)

    def _find(self, email: str) -> Row[Any] | None:
        try:
            address = read_address(email)
        except InvalidAddress:
            return None
        with self._reading() as connection:
            return find_by_address(connection, address)

    def _claims(self, token: str | None) -> Claims | None:
        try:
            return read(token or "", self._keys, now=self._clock(), max_age=self._max_age)
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
