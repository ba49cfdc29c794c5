"""AuthService: what every rule needs, and the app's four verbs.

    auth.sign_up(email, password, name)     make an account
    auth.log_in(email, password, client)    check the password, start a session, issue its token
    auth.resume(token)                      return the user of an open session, on every script run
    auth.log_out(token)                     end the session, and with it every copy of the cookie

All other verbs are functions that take the service first: in `auth/` where two features need them,
in `features/NAME/rules.py` otherwise. `grep -r "def change_password"` finds each.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

from sqlalchemy import Connection, literal, select

from auth import log_in, rotation, sign_up
from auth.audit import Event, note, record
from auth.client import Client
from auth.database_faults import AsUnavailable
from auth.emails import Emails
from auth.errors import SessionOver, TokenRefused, TooMany, Unavailable
from auth.feature import Feature, paths_of
from auth.keys import KeyRing
from auth.log import BoundedLog
from auth.mail import Mail, MailQueue, Urgency
from auth.passwords import Scheme, dummy_hash
from auth.roles import Role, require_role
from auth.sessions import (
    MAY_BE_OPEN,
    TOUCH_EVERY,
    EndReason,
    Lifetime,
    Session,
    Sessions,
    end_session,
    touch_session,
)
from auth.throttle import Counter, Limit, take
from auth.tokens import Claims, issue, read
from auth.users import Login, User, read_email
from db.engine import BUSY_TIMEOUT, Database
from db.models import User as UserRow
from db.models import utc_now
from settings import Settings

TOUCH_PATIENCE = 100  # milliseconds that a page waits to write that its session was used
mail_log = BoundedLog("auth.mail")


class AuthService:
    """Accounts and sessions. Every refusal is an AuthError; every verb uses short transactions.

    *features* add stages to the log-in, and steps after a sign-up or a log-in. Without a
    *mail_queue* no email is sent.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        features: Sequence[Feature] = (),
        mail_queue: MailQueue | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self.database = database
        self.features = tuple(features)
        self.now = clock
        self.scheme = Scheme(settings.bcrypt_rounds, settings.peppers)
        self.keys = KeyRing.of(settings.keys, purpose="session")
        self.sessions = Sessions(
            plain=Lifetime(settings.session_max_age, settings.session_idle_age),
            remembered=Lifetime(settings.session_remember_age, settings.session_remember_idle_age),
        )
        self.emails = Emails(settings.app_name, settings.base_url, paths_of(self.features))
        self._mail_queue = mail_queue
        dummy_hash(self.scheme.rounds)  # now, so that no log-in pays for it (BC-4)

    # The four verbs

    def sign_up(
        self, email: str, password: str, name: str = "", client: Client | None = None
    ) -> User:
        """Make an account. Limits and SIGN_UP apply to a *client*; an operator passes None.

        Raises InvalidDetails with every broken rule of every field, SignUpClosed, EmailTaken,
        TooMany, or Busy.
        """
        return sign_up.sign_up(self, email, password, name, client)

    def log_in(self, email: str, password: str, client: Client, remember: bool = False) -> Login:
        """Start a session, and end the one whose token *client* presents (SE-1).

        Raises LogInRefused for every reason, after the same work (EN-1, BC-4); StepNeeded if a
        feature's stage asks for more; TooMany, whether or not the password was correct (TH-6); or
        Busy.
        """
        return log_in.log_in(self, email, password, client, remember)

    def resume(
        self, token: str | None, *, touch: bool = True, trusted: bool = False
    ) -> User | None:
        """Return the user of the open session that *token* names, or None; see `resume_session`."""
        session = self.resume_session(token, touch=touch, trusted=trusted)
        return session.user if session and session.is_open else None

    def log_out(self, token: str | None) -> None:
        """End the session and thereby every copy of its cookie (SE-5); idempotent."""
        session = self.session(token, trusted=True)
        if session is None or session.end_reason not in {*MAY_BE_OPEN, EndReason.ONE_FACTOR}:
            return
        with self.write() as connection:
            if end_session(connection, session.id, EndReason.LOGGED_OUT, self.now()):
                self.record(connection, Event.LOGGED_OUT, session)

    # Sessions

    def session(self, token: str | None, *, trusted: bool = False) -> Session | None:
        """Return the session of *token*, open or ended, or None if we never issued *token*.

        A token is valid while it is the session's newest, and for rotation.OVERLAP after it was
        replaced; from then on it is a copy. A copy presented by a browser ends the session
        (SE-9). A *trusted* token, presented earlier by an open tab and kept by the server since,
        is refused as STALE instead: the tab's browser may have the newest.
        """
        now = self.now()
        claims = self.claims(token)
        if claims is None:
            return None
        with AsUnavailable(), self.database.read() as connection:  # `read`, without a generator
            session = self.sessions.find(connection, claims.session_id, now)
        if session is None or session.user.id != claims.user_id:
            return None
        if not session.end_reason and not self._is_allowed(session):
            return session._replace(end_reason=EndReason.ONE_FACTOR)
        if session.end_reason or claims.token_id == session.token_id:
            return session
        if claims.token_id == session.next_token_id:
            with self.write() as connection:
                return rotation.accept(connection, session, claims.token_id, now)
        if rotation.is_in_overlap(session, claims.token_id, now):
            return session._replace(newest=False, confirmed_at=None)
        if trusted or now < session.rotated_at + rotation.ON_ITS_WAY:
            return session._replace(newest=False, end_reason=EndReason.STALE)
        with self.write() as connection:
            end_session(connection, session.id, EndReason.REUSED, now)
            self.record(connection, Event.TOKEN_REUSED, session)
        return session._replace(newest=False, end_reason=EndReason.REUSED)

    def resume_session(
        self, token: str | None, *, touch: bool = True, trusted: bool = False
    ) -> Session | None:
        """Return the session of *token*, open or ended, and record that it was used.

        Called on every run (SE-2). *touch* is False where no person acted, such as a page that
        checks whether it may stay open: that must not keep a session alive. For *trusted* see
        `session`.
        """
        session = self.session(token, trusted=trusted)
        if session is None or session.end_reason:
            return session
        now = self.now()
        if touch and now - session.last_seen_at >= TOUCH_EVERY:
            # Another writer may hold the lock for long; then the next run records the use.
            with suppress(Unavailable), self.write(TOUCH_PATIENCE) as connection:
                touch_session(connection, session.id, now)
        return session

    def claims(self, token: str | None) -> Claims | None:
        """Return the claims of *token*, or None if it isn't valid; its session may have ended."""
        if not token:
            return None
        try:
            return read(token, self.keys, now=self.now(), max_age=self.sessions.max_age)
        except TokenRefused:
            return None

    def login(self, session: Session, token_id: str | None = None) -> Login:
        """Return *session* under a signed token; *token_id* defaults to the session's own."""
        token = issue(
            session.user.id,
            session.id,
            self.keys,
            now=self.now(),
            expires_at=session.expires_at,
            token_id=token_id or session.token_id,
        )
        return Login(token, session.user, session.expires_at)

    # What rules share

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a read transaction; raises Unavailable."""
        with AsUnavailable(), self.database.read() as connection:
            yield connection

    @contextmanager
    def write(self, patience: int = BUSY_TIMEOUT) -> Iterator[Connection]:
        """Open a write transaction, within *patience* milliseconds; raises Unavailable."""
        with AsUnavailable(patience), self.database.write(patience) as connection:
            yield connection

    @contextmanager
    def write_as(self, session: Session, role: Role | None = None) -> Iterator[Connection]:
        """Open a write transaction in which *session* is still open; raises SessionOver.

        With a *role*, its user has that too; raises RoleNeeded. Of two changes to an account
        at once, the second sees the result of the first.
        """
        with self.write() as connection:
            if role is None:  # an admin's verb locks the account that it changes
                row = select(UserRow.id).where(UserRow.id == session.user.id)
                connection.execute(row.with_for_update())
            self.require_open(connection, session, role)
            yield connection

    def require_open(
        self, connection: Connection, session: Session, role: Role | None = None
    ) -> None:
        """Raise SessionOver unless *session*, read earlier, is still open in this transaction.

        One that was read before a change of the account is over too: what was checked with it, such
        as the password, may not hold now. Raises RoleNeeded unless its user still has *role*.
        """
        found = self.sessions.find(connection, session.id, self.now())
        if found is None or found.end_reason or found.auth_version != session.auth_version:
            raise SessionOver
        if not self._is_allowed(found):
            raise SessionOver
        if role:
            require_role(found, role)

    def _is_allowed(self, session: Session) -> bool:
        """Return whether the features still allow an open session under the current settings."""
        return all(each.allows(self, session) for each in self.features if each.allows)

    def record(
        self, connection: Connection, event: Event, session: Session, client: Client | None = None
    ) -> None:
        """Record *event* as done in *session*, by *client* where the requester is known."""
        record(
            connection,
            event,
            self.now(),
            user_id=session.user.id,
            session_id=session.id,
            client=client or session.client,
        )

    def take(
        self, counters: Sequence[Counter], client: Client, *, if_refused: Sequence[Counter] = ()
    ) -> set[Counter]:
        """Count one attempt; return the counters whose wait begins; see `throttle.take`."""
        now = self.now()
        try:
            with self.write() as connection:
                try:
                    return take(connection, counters, now, if_refused=if_refused)
                except TooMany as refusal:
                    if not refusal.counted:
                        raise  # rolls back
                    counted = refusal
            raise counted
        except TooMany:
            note(Event.TOO_MANY, now, client=client)
            raise

    def enqueue(self, job: Callable[[], object], source: str = "", **how: bool) -> None:
        """Run *job*, which *source* caused, in the background; see `MailQueue.enqueue`."""
        if self._mail_queue:
            self._mail_queue.enqueue(job, source, **how)

    def send(self, mail: Mail) -> None:
        """Send *mail* in the background."""
        if self._mail_queue:
            self._mail_queue.send(mail)

    def notify(self, mail: Mail, limit: Limit) -> None:
        """Send *mail* in the background, unless its recipient has used up *limit*."""
        alarm = mail.urgency is Urgency.ALARM
        self.enqueue(lambda: self._send_within(mail, limit), mail.to, alarm=alarm)

    def _send_within(self, mail: Mail, limit: Limit) -> None:
        try:
            with self.write() as connection:
                take(connection, [limit.on(read_email(mail.to).key)], self.now())
        except TooMany:
            mail_log.warning("An email was left out: its recipient has had many (%s).", mail.kind)
            return
        self.send(mail)

    def is_ready(self) -> bool:
        """Return whether the database answers; raises Unavailable."""
        with self.read() as connection:
            return bool(connection.execute(select(literal(1))).scalar())

    def close(self) -> None:
        """Send the emails that are due, within a few seconds, and log the ones not sent."""
        if self._mail_queue:
            self._mail_queue.close()
