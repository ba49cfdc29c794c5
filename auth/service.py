"""The verbs an app may use: sign up, log in, resume, log out, and those of each feature."""

from sqlalchemy import literal, select

from auth.addresses import InvalidAddress, read_address
from auth.carriage import Carriage
from auth.devices import Devices
from auth.errors import InvalidDetails, LogInRefused, TokenExpired, TokenRefused
from auth.names import InvalidName, read_name
from auth.password_rules import password_faults
from auth.passwords import hash_password, verify_password
from auth.sessions import TOUCH_EVERY, Client, EndReason, end_session, touch_session
from auth.tokens import read
from auth.users import Login, User, add_user, find_by_address, replace_hash, set_active
from db.types import AnyRow


class AuthService(Devices, Carriage):
    """Accounts and sessions. Each refusal is an AuthError; each feature brings its own verbs."""

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
        with self._writing() as connection:
            if presented:
                end_session(connection, presented.session_id, EndReason.REPLACED, now)
            if upgraded:
                replace_hash(connection, row.id, row.password_hash, upgraded)
            session = self._sessions.start(
                connection, row.id, row.auth_version, client, remembered=remember, now=now
            )
        return self._login(session, session.token_id)

    def resume(self, token: str | None, *, touch: bool = True, held: bool = False) -> User | None:
        """Return whose session *token* names, if it is alive, and note that it was used.

        Asked on every run (SE-2). *touch* is false where nobody did anything, such as a page
        that looks whether it may stay open: that must not keep a session alive. *held* is told
        by `session`.
        """
        session = self.session(token, held=held)
        if session is None or session.over:
            return None
        now = self._clock()
        if touch and now - session.last_seen_at >= TOUCH_EVERY:
            with self._writing() as connection:
                touch_session(connection, session.id, now)
        return session.user

    def why_over(self, token: str | None) -> EndReason | None:
        """Return why the session that *token* names is over, to tell the person who had it."""
        try:
            read(token or "", self._keys, now=self._clock(), max_age=self._sessions.max_age)
        except TokenExpired:
            return EndReason.EXPIRED
        except TokenRefused:
            return None
        session = self.session(token, held=True)
        return session.over if session else None

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

    def is_ready(self) -> bool:
        """Tell whether the database answers."""
        with self._reading() as connection:
            return bool(connection.execute(select(literal(1))).scalar())

    def _find(self, email: str) -> AnyRow | None:
        try:
            address = read_address(email)
        except InvalidAddress:
            return None
        with self._reading() as connection:
            return find_by_address(connection, address)
