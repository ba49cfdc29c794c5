"""What every verb of the service stands on: the database, the clock, the keys, and one look."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from auth import rotation
from auth.addresses import read_address
from auth.audit import Event, note, record
from auth.client import Client
from auth.emails import Emails
from auth.errors import SessionOver, TokenRefused, TooMany, Unavailable
from auth.keys import KeyRing
from auth.log import BoundedLog
from auth.mail import Mail, MailQueue
from auth.passwords import Scheme, dummy_hash
from auth.sessions import EndReason, Lifetime, Session, Sessions, end_session
from auth.throttle import Budget, Limit, take
from auth.tokens import Claims, issue, read
from db.engine import BUSY_TIMEOUT, Database, is_lock_wait, kind_of_fault, reason_of_fault
from db.types import utc_now
from settings import Settings

log = BoundedLog("auth.database")
mail_log = BoundedLog("auth.mail")


class Foundation:
    """The parts that verbs share. Each verb is one short transaction."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        mail_queue: MailQueue | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self._mail_queue = mail_queue
        self._database = database
        self._clock = clock
        self._scheme = Scheme(settings.bcrypt_rounds, settings.peppers)
        self._keys = KeyRing.of(settings.keys, purpose="session")
        self._sessions = Sessions(
            plain=Lifetime(settings.session_max_age, settings.session_idle_age),
            remembered=Lifetime(settings.session_remember_age, settings.session_remember_idle_age),
        )
        self._emails = Emails(settings.app_name, settings.base_url)
        dummy_hash(self._scheme.rounds)  # now, so that no log-in pays for it (BC-4)

    def session(self, token: str | None, *, trusted: bool = False) -> Session | None:
        """Return the session that *token* names, alive or over, or None for no token of ours.

        A token counts while it is the session's newest, and for rotation.OVERLAP after it was
        replaced; then it is a copy. One that a browser presents ends the session, for the copy and
        the original alike (SE-9). A *trusted* one, which an open tab presented before and the
        server has kept since, is refused as STALE: the tab's browser may hold the newest.
        """
        now = self._clock()
        claims = self._claims(token, now)
        if claims is None:
            return None
        with _Answering(), self._database.read() as connection:  # `_reading`, without a generator
            session = self._sessions.find(connection, claims.session_id, now)
        if session is None or session.user.id != claims.user_id:
            return None
        if session.end_reason or claims.token_id == session.token_id:
            return session
        if claims.token_id == session.next_token_id:
            with self._writing() as connection:
                return rotation.accept(connection, session, claims.token_id, now)
        if rotation.is_in_overlap(session, claims.token_id, now):
            return session._replace(newest=False, confirmed_at=None)
        if trusted:
            return session._replace(newest=False, end_reason=EndReason.STALE)
        with self._writing() as connection:
            end_session(connection, session.id, EndReason.REUSED, now)
            self._record(connection, Event.TOKEN_REUSED, session)
        return session._replace(newest=False, end_reason=EndReason.REUSED)

    def _token(self, session: Session, token_id: str) -> str:
        return issue(
            session.user.id,
            session.id,
            self._keys,
            now=self._clock(),
            expires_at=session.expires_at,
            token_id=token_id,
        )

    def _claims(self, token: str | None, now: datetime) -> Claims | None:
        if not token:
            return None
        try:
            return read(token, self._keys, now=now, max_age=self._sessions.max_age)
        except TokenRefused:
            return None

    def _alive(self, token: str | None) -> Session:
        """Return the session that *token* names, or raise SessionOver."""
        session = self.session(token, trusted=True)
        if session is None or session.end_reason:
            raise SessionOver
        return session

    def close(self) -> None:
        """Send the emails that are due, within a few seconds, and log those that were not sent."""
        if self._mail_queue:
            self._mail_queue.close()

    def _enqueue(self, job: Callable[[], object]) -> None:
        """Run *job* after the answer; without a mail queue, as for an operator, never."""
        if self._mail_queue:
            self._mail_queue.enqueue(job)

    def _send(self, mail: Mail) -> None:
        if self._mail_queue:
            self._mail_queue.send(mail)

    def _notify(self, mail: Mail, limit: Limit) -> None:
        """Send *mail* after the answer, unless its recipient has had as many as *limit* allows."""
        self._enqueue(lambda: self._send_within(mail, limit))

    def _send_within(self, mail: Mail, limit: Limit) -> None:
        try:
            with self._writing() as connection:
                take(connection, [limit.on(read_address(mail.to).key)], self._clock())
        except TooMany:
            mail_log.warning("An email was left out: its recipient has had many (%s).", mail.kind)
            return
        self._send(mail)

    def _take(
        self, budgets: Sequence[Budget], client: Client, *, if_refused: Sequence[Budget] = ()
    ) -> bool:
        """Count one attempt as `take` does, and return whether a wait begins; raises TooMany."""
        now = self._clock()
        try:
            with self._writing() as connection:
                try:
                    return take(connection, budgets, now, if_refused=if_refused)
                except TooMany as refusal:
                    if not refusal.counted:
                        raise  # rolls back
                    counted = refusal
            raise counted
        except TooMany:
            note(Event.TOO_MANY, now, client=client)
            raise

    def _record(self, connection: Connection, event: Event, session: Session) -> None:
        """Record *event* as done by the user of *session*, in it."""
        record(
            connection,
            event,
            self._clock(),
            user_id=session.user.id,
            session_id=session.id,
            client=session.client,
        )

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _Answering(), self._database.read() as connection:
            yield connection

    @contextmanager
    def _writing(self, patience: int = BUSY_TIMEOUT) -> Iterator[Connection]:
        with _Answering(patience), self._database.write(patience) as connection:
            yield connection


class _Answering:
    """A block that raises Unavailable for any fault of the database, and logs its cause (AV-7).

    One line a minute for each kind of fault, with no statement and no value of it. A caller with
    less *patience* than usual expects that a lock is held: that is no fault.
    """

    def __init__(self, patience: int = BUSY_TIMEOUT) -> None:
        self._patience = patience

    def __enter__(self) -> None:
        """Begin the block."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the block; raise Unavailable where the database ended it."""
        if not isinstance(fault, (DBAPIError, PoolTimeout)):
            return
        if self._patience >= BUSY_TIMEOUT or not is_lock_wait(fault):
            message = f"The database did not answer ({kind_of_fault(fault)}): %s"
            log.error(message, reason_of_fault(fault))
        raise Unavailable from fault
