"""Log in: count the attempt, check the password, and ask whether the account may enter.

Every refusal gives the same answer after the same work. What follows a success is in `stages.py`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from auth.audit import Event, record
from auth.challenge import void_challenges
from auth.errors import Busy, LogInRefused, TooMany
from auth.limits import ALARM_RECIPIENT, MOST_FAILURES, log_in_counters, shared_log_in_counters
from auth.passwords import equalize_timing, hash_password, verify_password
from auth.sessions import known_networks
from auth.stages import Entry, enter, may_enter
from auth.throttle import record_success
from auth.users import (
    FIRST_VERSION,
    Email,
    InvalidEmail,
    count_failure,
    find_by_email,
    find_by_id,
    read_email,
    replace_hash,
)

if TYPE_CHECKING:
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
    """Check the password, then enter through the stages; see `AuthService.log_in`."""
    void_challenges(auth, client)
    account = authenticate(auth, email, password, client)
    row = account.row
    if account.needs_rehash:
        with suppress(Busy):  # a full queue leaves it to the next log-in
            upgraded = hash_password(password, auth.scheme, client.source)
            with auth.write() as connection:
                replace_hash(connection, row.id, row.password_hash, upgraded)
    return enter(auth, Entry(row, client, remember, account.own, account.shared))


def log_in_owner(
    auth: AuthService, user_id: str, client: Client, version: int = FIRST_VERSION
) -> Login:
    """Start a session for the user who has just made this account or shown its password.

    *version* is the account's at that time: a change since then, such as a reset, refuses. Counted
    like any log-in, without a bcrypt of its own. Raises LogInRefused, StepNeeded, TooMany.
    """
    void_challenges(auth, client)
    with auth.read() as connection:
        row = find_by_id(connection, user_id)
        known = client.network in known_networks(connection, user_id)
    own, shared = log_in_counters(row.email_key if row else None, client, known)
    auth.take([*own, *shared], client)
    if row is None or row.auth_version != version or not may_enter(auth, row, known):
        raise LogInRefused
    return enter(auth, Entry(row, client, remember=False, own=own, shared=shared))


def authenticate(
    auth: AuthService, email: str, password: str, client: Client, *, by_link: bool = False
) -> Authenticated:
    """Return the account of *email* if *password* is correct; counts first, and costs one bcrypt.

    With *by_link* the account's email may still be unconfirmed: the link confirms it. A refusal by
    the account's own limit also costs one bcrypt and counts toward the network's limit. Once the
    network's is used up, refusals cost no bcrypt (AV-1), which reveals nothing about an account.

    Raises LogInRefused, TooMany, or Busy.
    """
    parsed = _read(email)
    row, known = _look_up(auth, parsed, client)
    own, shared = log_in_counters(parsed.key if parsed else None, client, known)
    try:
        begun = auth.take([*own, *shared], client, if_refused=shared_log_in_counters(client))
    except TooMany as refusal:
        if refusal.counted:
            verify_password(password, None, auth.scheme, client.source)
        raise
    stored = row.password_hash if row else None
    try:
        verdict = verify_password(password, stored, auth.scheme, client.source)
    except Busy:  # a full queue is no wrong password: only the network's counters keep it
        with auth.write() as connection:
            record_success(connection, [], own, auth.now())
        raise
    if row is None or not verdict or not may_enter(auth, row, known, by_link=by_link):
        if row and verdict:
            equalize_timing(row.password_hash, auth.scheme, client.source)
        wait_begins = not begun.isdisjoint(own)  # a full network locks no account
        _record_refusal(auth, row, client, wrong=not verdict, wait_begins=wait_begins)
        raise LogInRefused
    return Authenticated(row, verdict.needs_rehash, own, shared)


def _look_up(auth: AuthService, email: Email | None, client: Client) -> tuple[Account | None, bool]:
    """Return the account, and whether it was used from this network before."""
    if email is None:
        return None, False
    with auth.read() as connection:
        row = find_by_email(connection, email)
        networks = known_networks(connection, row.id if row else "")
    return row, client.network in networks


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
