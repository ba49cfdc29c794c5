"""Log in: a list of stages, each of which may refuse, then a session.

    counted ─▶ password ─▶ the account may enter ─▶ the features' stages ─▶ session ─▶ after

Every refusal before the features' stages gives the same answer after the same work. Lockout and
`is_active` come before any of them, and counters are refunded only after the last one (SF-1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from auth import housekeeping
from auth.audit import Event, record
from auth.errors import Busy, LogInRefused, TooMany
from auth.fields import Email, InvalidEmail, read_email
from auth.limits import (
    ALARM_RECIPIENT,
    LOG_IN_ACCOUNT,
    LOG_IN_ALL,
    LOG_IN_KNOWN,
    LOG_IN_NETWORK,
    MOST_FAILURES,
    network_counters,
)
from auth.passwords import equalize_timing, hash_password, verify_password
from auth.sessions import EndReason, end_session, known_networks
from auth.throttle import record_success
from auth.users import count_failure, find_by_email, replace_hash, update_user

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from auth.client import Client
    from auth.service import AuthService
    from auth.throttle import Counter
    from auth.users import Account, Login


class Authenticated(NamedTuple):
    """An account whose password was correct, and the counters that counted the attempt."""

    row: Account
    needs_rehash: bool
    own: list[Counter]
    shared: list[Counter]


def log_in(
    auth: AuthService, email: str, password: str, client: Client, remember: bool = False
) -> Login:
    """Run all stages, then start the session; see `AuthService.log_in`."""
    account = authenticate(auth, email, password, client)
    for feature in auth.features:
        if feature.stage:
            feature.stage(auth, account.row, client)
    return _open_session(auth, account, password, client, remember)


def authenticate(
    auth: AuthService, email: str, password: str, client: Client, *, by_link: bool = False
) -> Authenticated:
    """Return the account of *email* if *password* is correct: counted first, for one bcrypt.

    With *by_link* the account's email may still be unconfirmed: the link confirms it. A refusal by
    the account's own limit also costs one bcrypt and counts toward the network's limit. Once that
    is used up, refusals cost none (AV-1); this reveals nothing about an account.

    Raises LogInRefused, TooMany, or Busy.
    """
    address = _read(email)
    row, known = _look_up(auth, address, client)
    own, shared = _counters(address, client, known)
    try:
        wait_begins = auth.take([*own, *shared], client, if_refused=_shared_counters(client))
    except TooMany as refusal:
        if refusal.counted:
            verify_password(password, None, auth.scheme, client.source)
        raise
    stored = row.password_hash if row else None
    try:
        verdict = verify_password(password, stored, auth.scheme, client.source)
    except Busy:  # a full queue is not a wrong password: the network's counters alone keep it
        with auth.write() as connection:
            record_success(connection, [], own, auth.now())
        raise
    if row is None or not verdict or not _may_enter(auth, row, known, by_link=by_link):
        if row and verdict:
            equalize_timing(row.password_hash, auth.scheme, client.source)
        _record_refusal(auth, row, client, wrong=not verdict, wait_begins=wait_begins)
        raise LogInRefused
    return Authenticated(row, verdict.needs_rehash, own, shared)


def _open_session(
    auth: AuthService, account: Authenticated, password: str, client: Client, remember: bool
) -> Login:
    """Start the session of an account that passed every stage."""
    row = account.row
    upgraded = hash_password(password, auth.scheme, client.source) if account.needs_rehash else None
    now = auth.now()
    presented = auth.claims(client.token)
    with auth.write() as connection:
        record_success(connection, account.own, account.shared, now)
        if presented:
            _end_replaced(auth, connection, presented.session_id)
        if upgraded:
            replace_hash(connection, row.id, row.password_hash, upgraded)
        if row.failures:
            update_user(connection, row.id, failures=0)
        session = auth.sessions.start(
            connection, row.id, row.auth_version, client, remembered=remember, now=now
        )
        worked = Event.LOGGED_IN_AFTER_FAILING if row.failures else Event.LOGGED_IN
        auth.record(connection, worked, session)
        auth.record(connection, Event.SESSION_STARTED, session)
    for feature in auth.features:
        if feature.after_log_in:
            feature.after_log_in(auth, session)
    auth.enqueue(lambda: housekeeping.purge_batch(auth))
    return auth.login(session)


def _look_up(auth: AuthService, email: Email | None, client: Client) -> tuple[Account | None, bool]:
    """Return the account, and whether it was used from this network before."""
    if email is None:
        return None, False
    with auth.read() as connection:
        row = find_by_email(connection, email)
        networks = known_networks(connection, row.id if row else "")
    return row, client.network in networks


def _may_enter(auth: AuthService, row: Account, known: bool, *, by_link: bool) -> bool:
    """Return whether the account is active, not locked out, and confirmed if required."""
    if not row.is_active or (row.failures >= MOST_FAILURES and not known):
        return False
    return by_link or bool(row.verified_at) or not auth.settings.require_verified_email


def _end_replaced(auth: AuthService, connection: Connection, session_id: str) -> None:
    now = auth.now()
    session = auth.sessions.find(connection, session_id, now)
    if session and session.is_open:
        end_session(connection, session_id, EndReason.REPLACED, now)
        auth.record(connection, Event.SESSION_REVOKED, session)


def _record_refusal(
    auth: AuthService, row: Account | None, client: Client, *, wrong: bool, wait_begins: bool
) -> None:
    """Record a failed attempt; the work is the same whether or not the account exists."""
    user_id = row.id if row else None
    now = auth.now()
    events = [Event.LOG_IN_FAILED, *([Event.LOCKED] if wait_begins else [])]
    with auth.write() as connection:
        failures = count_failure(connection, user_id if user_id and wrong else "")
        switched_off = failures == MOST_FAILURES
        events += [Event.PASSWORD_SWITCHED_OFF] if switched_off else []
        for event in events:
            record(connection, event, now, user_id=user_id, client=client)
    if row and switched_off:
        auth.notify(auth.emails.password_off(row.email), ALARM_RECIPIENT)


def _read(email: str) -> Email | None:
    try:
        return read_email(email)
    except InvalidEmail:
        return None


def _counters(
    email: Email | None, client: Client, known: bool
) -> tuple[list[Counter], list[Counter]]:
    """Return the account's own counters, which a log-in resets, and those shared with others.

    A network that the account was used from has a counter of its own, so that attackers elsewhere
    cannot lock the owner out (TH-4).
    """
    shared = _shared_counters(client)
    if email is None:
        return [], shared
    if known:
        return [LOG_IN_KNOWN.on(f"{email.key} {client.network}")], []
    return [LOG_IN_ACCOUNT.on(email.key)], shared


def _shared_counters(client: Client) -> list[Counter]:
    """Return the counters that *client* shares with others."""
    return [*network_counters(LOG_IN_NETWORK, client), LOG_IN_ALL.on("")]
