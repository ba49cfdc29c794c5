"""Log in: one answer and the same work for whoever is refused, and a session for whoever is not."""

from typing import NamedTuple

from sqlalchemy import Connection

from auth.addresses import Address, InvalidAddress, read_address
from auth.audit import Event, record
from auth.browsers import browser_in_words
from auth.client import Client
from auth.end_reason import EndReason
from auth.errors import Busy, LogInRefused, TooMany
from auth.housekeeping import Housekeeping
from auth.limits import (
    ALARM_RECIPIENT,
    LOG_IN_ACCOUNT,
    LOG_IN_ALL,
    LOG_IN_KNOWN,
    LOG_IN_NETWORK,
    MOST_FAILURES,
    NOTICE_RECIPIENT,
    for_place,
)
from auth.passwords import equalize_timing, hash_password, verify_password
from auth.places import agents_of, networks_of
from auth.sessions import Session, end_session
from auth.throttle import Budget, settle
from auth.users import Login, count_failure, find_by_address, replace_hash, update_user
from db.types import AnyRow


class Authenticated(NamedTuple):
    """An account whose password was typed, and the budgets that this has counted in."""

    row: AnyRow
    needs_rehash: bool
    own: list[Budget]
    shared: list[Budget]


class LogIn(Housekeeping):
    """The verb that starts sessions."""

    def log_in(self, email: str, password: str, client: Client, remember: bool = False) -> Login:
        """Start a session, and end the one whose token *client* brought along (SE-1).

        Raises LogInRefused for every reason alike, after the same work (EN-1, BC-4); TooMany,
        whether or not the password was right (TH-6); or Busy.
        """
        row, needs_rehash, own, shared = self._authenticate(email, password, client)
        upgraded = hash_password(password, self._scheme, client.source) if needs_rehash else None
        now = self._clock()
        presented = self._claims(client.token, now)
        with self._writing() as connection:
            settle(connection, own, shared, now)
            if presented:
                self._replace(connection, presented.session_id)
            if upgraded:
                replace_hash(connection, row.id, row.password_hash, upgraded)
            if row.failures:
                update_user(connection, row.id, failures=0)
            session = self._sessions.start(
                connection, row.id, row.auth_version, client, remembered=remember, now=now
            )
            worked = Event.LOGGED_IN_AFTER_FAILING if row.failures else Event.LOGGED_IN
            self._record(connection, worked, session)
            self._record(connection, Event.SESSION_STARTED, session)
        self._enqueue(lambda: self._tell_of_new_device(session))
        self._enqueue(self.purge_batch)
        return Login(self._token(session, session.token_id), session.user, session.expires_at)

    def _authenticate(
        self, email: str, password: str, client: Client, *, by_link: bool = False
    ) -> Authenticated:
        """Return the account of *email* if *password* opens it: counted, and for one bcrypt.

        A *by_link* attempt may be for an account whose email is yet to be confirmed: the link does
        that. What an account's own limit refuses costs one bcrypt too, as it counts in its
        network's limit; once that is used up a refusal costs none (AV-1): it depends on the
        network alone. Raises LogInRefused, TooMany, or Busy.
        """
        address = _address(email)
        row, known = self._look_up(address, client)
        own, shared = _budgets(address, client, known)
        try:
            wait_begins = self._take([*own, *shared], client, if_refused=_place(client))
        except TooMany as refusal:
            if refusal.counted:
                verify_password(password, None, self._scheme, client.source)
            raise
        stored = row.password_hash if row else None
        try:
            verdict = verify_password(password, stored, self._scheme, client.source)
        except Busy:  # a queue that is full is no wrong password
            self._give_back(own)
            raise
        if row is None or not verdict or not self._may_enter(row, known, by_link=by_link):
            if row and verdict:
                equalize_timing(row.password_hash, self._scheme, client.source)
            self._refuse(row, client, wrong=not verdict, wait_begins=wait_begins)
            raise LogInRefused
        return Authenticated(row, verdict.needs_rehash, own, shared)

    def _give_back(self, own: list[Budget]) -> None:
        """Take one attempt back; in its network's limit it stays counted."""
        with self._writing() as connection:
            settle(connection, [], own, self._clock())

    def _look_up(self, address: Address | None, client: Client) -> tuple[AnyRow | None, bool]:
        """Return the account, and whether it was used from this network before."""
        if address is None:
            return None, False
        with self._reading() as connection:
            row = find_by_address(connection, address)
            places = networks_of(connection, row.id if row else "")
        return row, client.network in places

    def _may_enter(self, row: AnyRow, known: bool, *, by_link: bool) -> bool:
        if not row.is_active or (row.failures >= MOST_FAILURES and not known):
            return False
        return by_link or bool(row.verified_at) or not self.settings.require_verified_email

    def _replace(self, connection: Connection, session_id: str) -> None:
        now = self._clock()
        session = self._sessions.find(connection, session_id, now)
        if session and not session.end_reason:
            end_session(connection, session_id, EndReason.REPLACED, now)
            self._record(connection, Event.SESSION_REVOKED, session)

    def _refuse(
        self, row: AnyRow | None, client: Client, *, wrong: bool, wait_begins: bool
    ) -> None:
        """Write down that it did not work: as much for nobody's account as for somebody's."""
        user_id = row.id if row else None
        now = self._clock()
        events = [Event.LOG_IN_FAILED]
        events += [Event.LOCKED] if wait_begins else []
        with self._writing() as connection:
            failures = count_failure(connection, user_id if user_id and wrong else "")
            last_straw = failures == MOST_FAILURES
            events += [Event.PASSWORD_SWITCHED_OFF] if last_straw else []
            for event in events:
                record(connection, event, now, user_id=user_id, client=client)
        if row and last_straw:
            self._notify(self._emails.password_off(row.email), ALARM_RECIPIENT)

    def _tell_of_new_device(self, session: Session) -> None:
        """Write to the user where the session's browser is none of those they have used before."""
        with self._reading() as connection:
            agents = agents_of(connection, session.user.id, but=session.id)
        if not agents or session.agent in agents:  # the first, or one that needs no reading
            return
        device = browser_in_words(session.agent)
        if device not in map(browser_in_words, agents):
            mail = self._emails.new_device(session.user.email, device, session.address)
            self._notify(mail, NOTICE_RECIPIENT)


def _address(email: str) -> Address | None:
    try:
        return read_address(email)
    except InvalidAddress:
        return None


def _budgets(
    address: Address | None, client: Client, known: bool
) -> tuple[list[Budget], list[Budget]]:
    """Return the account's own budgets, cleared by a log-in, and those it shares with others.

    Where the account was used before it has a budget of its own: nobody elsewhere can use it up,
    and so lock the owner out (TH-4).
    """
    shared = _place(client)
    if address is None:
        return [], shared
    if known:
        return [LOG_IN_KNOWN.on(f"{address.key} {client.network}")], []
    return [LOG_IN_ACCOUNT.on(address.key)], shared


def _place(client: Client) -> list[Budget]:
    """Return the limits of where *client* is, which it shares with others there."""
    return [*for_place(LOG_IN_NETWORK, client), LOG_IN_ALL.on("")]
