"""After the password: the features' stages, which may refuse or ask for more, then the session.

    the account may enter ─▶ the features' stages ─▶ session ─▶ after
                              └─ ask for more ─▶ challenge ─▶ pass_stage ─┘

Lockout and `is_active` are checked before any stage and again after a challenge. Counters are
refunded only after the last stage (SF-1).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from auth import housekeeping
from auth.audit import Event, record
from auth.challenge import find_challenge, issue_challenge, use_challenge
from auth.errors import LogInRefused, StepNeeded, StepOver
from auth.limits import MOST_FAILURES, log_in_counters
from auth.sessions import EndReason, end_session, known_networks
from auth.throttle import record_success
from auth.users import find_by_id, update_user

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from auth.challenge import Challenge
    from auth.client import Client
    from auth.feature import Feature
    from auth.service import AuthService
    from auth.throttle import Counter
    from auth.users import Account, Login


class Entry(NamedTuple):
    """An account on its way in: what it has shown so far, and the counters that counted it."""

    row: Account
    client: Client
    remember: bool
    own: list[Counter]
    shared: list[Counter]
    two_factors: bool = False
    by_passkey: bool = False
    passed: Challenge | None = None  # the challenge that led here; the next step uses it up


def may_enter(auth: AuthService, row: Account, known: bool, *, by_link: bool = False) -> bool:
    """Return whether the account is active, not locked out, and confirmed if required."""
    if not row.is_active or (row.failures >= MOST_FAILURES and not known):
        return False
    return by_link or bool(row.verified_at) or not auth.settings.require_verified_email


def enter(auth: AuthService, entry: Entry) -> Login:
    """Run the stages that are left for *entry*, then start its session."""
    behind = entry.passed.stage if entry.passed else None
    for feature in _after(auth.features, behind):
        if feature.stage and not (feature.is_factor and entry.two_factors):
            try:
                shown = feature.stage(auth, entry.row, entry.client)
            except StepNeeded:
                raise StepNeeded(_begin_challenge(auth, entry, feature.name)) from None
            if shown and feature.is_factor:
                entry = entry._replace(two_factors=True)
    return _open_session(auth, entry)


def pass_stage(auth: AuthService, token: str, client: Client, stage: str) -> Login:
    """Continue a log-in whose challenge of *stage* was met: remaining stages, then the session.

    Only for that feature's rule, once it has checked what it asked for. Raises StepOver if the
    challenge or the account has changed meanwhile, or StepNeeded if a later stage asks for more.
    """
    challenge = find_challenge(auth, token, client)
    if challenge is None or challenge.stage != stage:
        raise StepOver
    with auth.read() as connection:
        row = find_by_id(connection, challenge.user_id)
        networks = known_networks(connection, challenge.user_id)
    if row is None or row.auth_version != challenge.auth_version:
        raise StepOver
    if not may_enter(auth, row, client.network in networks):
        raise StepOver
    # The counters of the original attempt, even if the browser's IP address has changed since.
    began = replace(client, ip=challenge.ip)
    own, shared = log_in_counters(row.email_key, began, began.network in networks)
    is_factor = any(each.is_factor for each in auth.features if each.name == stage)
    entry = Entry(row, client, challenge.remembered, own, shared, is_factor)
    return enter(auth, entry._replace(passed=challenge))


def _after(features: Sequence[Feature], name: str | None) -> list[Feature]:
    """Return the *features* after the one called *name*, or all of them if there is none."""
    names = [feature.name for feature in features]
    return list(features[names.index(name) + 1 :] if name in names else features)


def _begin_challenge(auth: AuthService, entry: Entry, stage: str) -> str:
    """Begin the challenge of *stage* and return its token."""
    with auth.write() as connection:
        _lock_account(connection, entry.row)  # before its challenges, as where one is used up
        if entry.passed and not use_challenge(connection, entry.passed):
            raise StepOver
        record(connection, Event.STEP_ASKED, auth.now(), user_id=entry.row.id, client=entry.client)
        return issue_challenge(
            auth, connection, entry.row, stage, entry.client, remembered=entry.remember
        )


def _open_session(auth: AuthService, entry: Entry) -> Login:
    """Start the session of an account that passed every stage."""
    row, client = entry.row, entry.client
    now = auth.now()
    presented = auth.claims(client.token)
    with auth.write() as connection:
        record_success(connection, entry.own, entry.shared, now)
        _lock_account(connection, row)  # of two at once, the second counts the first
        if entry.passed and not use_challenge(connection, entry.passed):
            raise StepOver  # another click was first
        if presented:
            _end_replaced(auth, connection, presented.session_id)
        if row.failures:
            update_user(connection, row.id, failures=0)
        session = auth.sessions.start(
            connection,
            row.id,
            row.auth_version,
            client,
            remembered=entry.remember,
            two_factors=entry.two_factors,
            by_passkey=entry.by_passkey,
            now=now,
        )
        worked = Event.LOGGED_IN_AFTER_FAILING if row.failures else Event.LOGGED_IN
        auth.record(connection, worked, session)
        auth.record(connection, Event.SESSION_STARTED, session)
    for feature in auth.features:
        if feature.after_log_in:
            feature.after_log_in(auth, session)
    auth.enqueue(lambda: housekeeping.purge_batch(auth), "purge", once=True)
    return auth.login(session)


def _lock_account(connection: Connection, row: Account) -> None:
    """Lock the account; raise LogInRefused if it was deleted since *row* was read."""
    if find_by_id(connection, row.id, lock=True) is None:
        raise LogInRefused


def _end_replaced(auth: AuthService, connection: Connection, session_id: str) -> None:
    now = auth.now()
    session = auth.sessions.find(connection, session_id, now)
    if session and session.is_open:
        end_session(connection, session_id, EndReason.REPLACED, now)
        auth.record(connection, Event.SESSION_REVOKED, session)
