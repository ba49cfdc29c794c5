"""Passkeys: log in, step up, add, name and remove them.

A passkey counts as two factors: it is on a device, which asks for a finger, a face or its PIN.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from auth import step_up
from auth.audit import Event, record
from auth.browsers import browser_in_words
from auth.client import Client
from auth.email_tokens import OBJECTIONS, void_links
from auth.feature import has_factor
from auth.limits import (
    ALARM_RECIPIENT,
    LOG_IN_ALL,
    LOG_IN_NETWORK,
    PASSWORD_AGAIN,
    change_counters,
    network_counters,
)
from auth.mail import Mail
from auth.rotation import keep_current_session
from auth.service import AuthService
from auth.sessions import Session, known_networks
from auth.stages import Entry, enter, may_enter
from auth.throttle import clear
from auth.tokens import new_token_id
from auth.users import (
    Account,
    Login,
    User,
    as_details,
    find_by_id,
    lock_account,
    read_name,
    set_password,
    update_user,
)
from db.models import User as UserRow
from db.models import UtcDateTime
from features.passkeys import emails
from features.passkeys.ceremony import (
    Ceremony,
    Proof,
    check_answer,
    check_new,
    read_answer,
    to_add,
    to_log_in,
    unsupported_reason,
)
from features.passkeys.tables import Passkey, PasskeyOffer
from features.passkeys.words import (
    CodeFirst,
    LastWayIn,
    PasskeyFirst,
    PasskeyRefused,
    TooManyPasskeys,
)

MOST = 20  # passkeys of one user
OFFERED_WITHIN = timedelta(minutes=10)
OFFER = text(
    "INSERT INTO passkey_offers (user_id, at) VALUES (:user_id, :now) ON CONFLICT DO NOTHING"
).bindparams(bindparam("now", type_=UtcDateTime()))


class ListedPasskey(NamedTuple):
    """A passkey as its owner sees it."""

    id: str
    name: str
    synced: bool
    created_at: datetime
    last_used_at: datetime | None


class UnknownPasskey(PasskeyRefused):
    """A passkey that no account has any more; the browser is told to forget its *id*."""

    def __init__(self, credential: str) -> None:
        super().__init__()
        self.id = credential


# The log-in


def ask(auth: AuthService, client: Client) -> Ceremony:
    """Return a request for a passkey."""
    return to_log_in(auth.settings, client, auth.now())


def log_in(
    auth: AuthService, ceremony: Ceremony, answer: str, client: Client, remember: bool = False
) -> Login:
    """Start a session with the browser's *answer*: counted first, and as strict as a password.

    Raises PasskeyRefused for every reason, StepNeeded if a stage asks for more, or TooMany.
    """
    shared = [*network_counters(LOG_IN_NETWORK, client), LOG_IN_ALL.on("")]
    auth.take(shared, client)
    row: Account | None = None
    try:
        row, networks = _prove(auth, ceremony, answer, client)
        if not may_enter(auth, row, client.network in networks):
            raise PasskeyRefused
    except PasskeyRefused:
        with auth.write() as connection:
            user_id = row.id if row else None
            record(connection, Event.LOG_IN_FAILED, auth.now(), user_id=user_id, client=client)
        raise
    with auth.write() as connection:
        record(connection, Event.PASSKEY_USED, auth.now(), user_id=row.id, client=client)
    entry = Entry(row, client, remember, [], shared, two_factors=True, by_passkey=True)
    return enter(auth, entry)


def confirm(
    auth: AuthService, session: Session, ceremony: Ceremony, answer: str, client: Client
) -> Login:
    """Step up with a passkey of the session's user instead of the password.

    Raises PasskeyRefused, TooMany, or SessionOver.
    """
    counters = [PASSWORD_AGAIN.on(f"{session.id} {client.network}")]
    auth.take(counters, client)
    try:
        row, _ = _prove(auth, ceremony, answer, client, session.user.id)
    except PasskeyRefused:
        with auth.write() as connection:
            auth.record(connection, Event.PASSKEY_REFUSED, session)
        raise
    with auth.write() as connection:
        clear(connection, counters)
        record(connection, Event.PASSKEY_USED, auth.now(), user_id=row.id, client=client)
    return step_up.renew(auth, session, client, by_passkey=True)


# The account


def may_add(auth: AuthService, session: Session) -> bool:
    """Return whether the session has shown what a new passkey takes: the account's other factor.

    A passkey turns an app off, so a password typed again isn't enough (SF-5): a passkey has
    confirmed the session, or it has just begun with two factors and was not confirmed since.
    """
    just_begun = session.two_factors and session.confirmed_at == session.created_at
    if session.by_passkey or just_begun:
        return True
    with auth.read() as connection:
        return not has_factor(auth, connection, session.user.id, but="passkeys")


def ask_new(auth: AuthService, session: Session, client: Client) -> Ceremony:
    """Return a request for a new passkey of the session's user."""
    with auth.read() as connection:
        rows = connection.execute(
            select(Passkey.id, Passkey.transports).where(Passkey.user_id == session.user.id)
        ).all()
    return to_add(
        auth.settings,
        client,
        auth.now(),
        user_id=session.user.id,
        email=session.user.email,
        name=session.user.name,
        known={row.id: row.transports for row in rows},
    )


def add(
    auth: AuthService, session: Session, ceremony: Ceremony, answer: str, client: Client
) -> Login:
    """Store the new passkey of *answer*; return the session anew, while the others end.

    Raises CodeFirst, PasskeyRefused, PasswordNeeded, TooManyPasskeys, TooMany, or SessionOver.
    """
    step_up.require_recent(auth, session)
    if not may_add(auth, session):
        raise CodeFirst
    auth.take(change_counters(session, client), client)
    challenge = ceremony.take_challenge(client, auth.now())
    made = check_new(read_answer(answer), challenge, auth.settings)
    name = browser_in_words(client.user_agent or session.user_agent)
    token_id = new_token_id()
    with auth.write_as(session) as connection:
        held = select(Passkey.id).where(Passkey.user_id == session.user.id)
        if len(connection.execute(held).all()) >= MOST:
            raise TooManyPasskeys
        try:
            connection.execute(
                insert(Passkey).values(
                    user_id=session.user.id,
                    host=auth.settings.site.host,
                    name=name,
                    created_at=auth.now(),
                    **made._asdict(),
                )
            )
        except IntegrityError:  # it is another account's: no two devices make the same id
            raise PasskeyRefused from None
        _end_others(auth, connection, session, token_id)
        auth.record(connection, Event.PASSKEY_ADDED, session, client)
    auth.notify(emails.added(auth.emails, session.user.email, name), ALARM_RECIPIENT)
    return auth.login(session, token_id)


def list_passkeys(auth: AuthService, session: Session) -> list[ListedPasskey]:
    """Return the user's passkeys, the newest first."""
    columns = [getattr(Passkey, name) for name in ListedPasskey._fields]
    with auth.read() as connection:
        rows = connection.execute(
            select(*columns)
            .where(Passkey.user_id == session.user.id)
            .order_by(Passkey.created_at.desc(), Passkey.id)
        )
        return [ListedPasskey._make(row) for row in rows]


def rename(auth: AuthService, session: Session, passkey: str, name: str) -> None:
    """Give one of the user's passkeys another name; raises InvalidDetails, TooMany, SessionOver."""
    auth.take(change_counters(session, session.client), session.client)
    with as_details("name"):
        name = read_name(name)
    with auth.write_as(session) as connection:
        connection.execute(update(Passkey).where(*_own(session, passkey)).values(name=name))


def remove(auth: AuthService, session: Session, passkey: str) -> Login:
    """Remove one of the user's passkeys; return the session anew, while the others end.

    The removed passkey may have begun one of those, on a lost device. Raises LastWayIn,
    PasswordNeeded, or SessionOver.
    """
    step_up.require_recent(auth, session)
    token_id = new_token_id()
    with auth.write_as(session) as connection:
        name = connection.scalar(
            delete(Passkey).where(*_own(session, passkey)).returning(Passkey.name)
        )
        if name is None:
            return auth.login(session)
        row = find_by_id(connection, session.user.id)
        if row and row.password_hash is None and not has_one(auth, connection, session.user.id):
            raise LastWayIn
        _end_others(auth, connection, session, token_id)
        auth.record(connection, Event.PASSKEY_REMOVED, session)
    auth.notify(emails.removed(auth.emails, session.user.email, name), ALARM_RECIPIENT)
    return auth.login(session, token_id)


def has_one(auth: AuthService, connection: Connection, user_id: str) -> bool:
    """Return whether the account has a passkey that works at this host."""
    here = Passkey.user_id == user_id, Passkey.host == auth.settings.site.host
    return connection.scalar(select(Passkey.id).where(*here).limit(1)) is not None


def remove_for(auth: AuthService, user_id: str) -> str:
    """Remove the passkeys of a user who has lost them, end their sessions, and tell them."""
    with auth.write() as connection:
        lock_account(connection, user_id)
        gone = delete(Passkey).where(Passkey.user_id == user_id).returning(Passkey.name)
        names = connection.execute(gone).scalars().all()
        if names:
            update_user(connection, user_id, auth_version=UserRow.auth_version + 1)
            record(connection, Event.PASSKEY_REMOVED, auth.now(), user_id=user_id)
        user = find_by_id(connection, user_id)
    if user:
        for name in names:
            auth.send(emails.removed(auth.emails, user.email, name))
    return "The passkeys are removed." if names else "There was no passkey."


def remove_all(
    auth: AuthService, connection: Connection, user_id: str, planted: bool
) -> Mail | None:
    """Remove every passkey of an account that an attacker was in: one of them may be theirs.

    Returns the notice of it, if there was one.
    """
    if not connection.execute(delete(Passkey).where(Passkey.user_id == user_id)).rowcount:
        return None
    record(connection, Event.PASSKEY_REMOVED, auth.now(), user_id=user_id)
    user = find_by_id(connection, user_id)
    return emails.all_removed(auth.emails, user.email) if user else None


def remove_password(auth: AuthService, session: Session, client: Client) -> Login:
    """Remove the password, in a session that a passkey has confirmed: only passkeys log in then.

    Other sessions end, and this one continues under the returned token. A reset by email or the
    account page sets a password again. Raises PasskeyFirst, PasswordNeeded, TooMany, or
    SessionOver.
    """
    step_up.require_recent(auth, session)
    auth.take(change_counters(session, client), client)
    token_id = new_token_id()
    with auth.write_as(session) as connection:
        if not session.by_passkey or not has_one(auth, connection, session.user.id):
            raise PasskeyFirst
        set_password(connection, session.user.id, None)
        keep_current_session(connection, session, token_id, auth.now())
        void_links(connection, session.user.id, *OBJECTIONS)  # an attacker may do this
        auth.record(connection, Event.PASSWORD_REMOVED, session, client)
    auth.notify(emails.password_removed(auth.emails, session.user.email), ALARM_RECIPIENT)
    return auth.login(session, token_id)


def offer_once(auth: AuthService, session: Session) -> bool:
    """Return whether to offer the user a passkey: once, just after a log-in with the password."""
    just_now = auth.now() < session.created_at + OFFERED_WITHIN  # then F5 needs no query
    if not just_now or session.two_factors or unsupported_reason(auth.settings):
        return False
    offered = select(PasskeyOffer.user_id).where(PasskeyOffer.user_id == session.user.id)
    owned = select(Passkey.user_id).where(Passkey.user_id == session.user.id)
    with auth.read() as connection:
        if connection.execute(offered.union_all(owned).limit(1)).first():
            return False
    with auth.write_as(session) as connection:
        made = connection.execute(OFFER, {"user_id": session.user.id, "now": auth.now()})
    return made.rowcount == 1  # of two tabs at once, only one


def export(auth: AuthService, connection: Connection, user: User) -> dict[str, Any]:
    """Return the user's passkeys for their download, without their keys."""
    rows = connection.execute(
        select(Passkey.name, Passkey.host, Passkey.synced, Passkey.created_at, Passkey.last_used_at)
        .where(Passkey.user_id == user.id)
        .order_by(Passkey.created_at)
    )
    return {"passkeys": [dict(row._mapping) for row in rows]}


def warnings(auth: AuthService) -> Sequence[str]:
    """Return what to log at startup: passkeys aren't offered, or some belong to another host."""
    if reason := unsupported_reason(auth.settings):
        return [f"Passkeys are not offered: {reason}."]
    host = auth.settings.site.host
    with auth.read() as connection:
        other = connection.scalar(select(Passkey.host).where(Passkey.host != host).limit(1))
    if other is None:
        return []
    return [
        f"Some passkeys were made at {other} and never work at {host}, the host of BASE_URL: their "
        "users have to log in another way and add new ones."
    ]


# What these share


def _prove(
    auth: AuthService, ceremony: Ceremony, answer: str, client: Client, user_id: str | None = None
) -> tuple[Account, set[str]]:
    """Return the account whose passkey *answer* proves, and its known networks; count its use.

    With *user_id*, it must be that user's.
    """
    challenge = ceremony.take_challenge(client, auth.now())
    read = read_answer(answer)
    with auth.read() as connection:
        key = connection.execute(
            select(Passkey.user_id, Passkey.public_key).where(
                Passkey.id == read["id"], Passkey.host == auth.settings.site.host
            )
        ).first()
        row = find_by_id(connection, key.user_id) if key else None
        networks = known_networks(connection, key.user_id) if key else set()
    if key is None or row is None:
        raise UnknownPasskey(read["id"])
    proof = check_answer(read, challenge, auth.settings, key.public_key)
    if proof.user_handle != row.id or user_id not in (None, row.id):
        raise PasskeyRefused
    if not _store_sign_count(auth, proof):
        _report_copy(auth, proof, row, client)
        raise PasskeyRefused
    return row, networks


def _store_sign_count(auth: AuthService, proof: Proof) -> bool:
    """Store the counter, in one atomic write; False unless it has grown, as a copy's has not.

    Passkeys that are synced always report 0: for them only the challenge rules out a replay.
    """
    grown = Passkey.sign_count < proof.sign_count
    uncounted = (Passkey.sign_count == 0) if proof.sign_count == 0 else grown
    with auth.write() as connection:
        counted = connection.execute(
            update(Passkey)
            .where(Passkey.id == proof.id, grown | uncounted)
            .values(sign_count=proof.sign_count, synced=proof.synced, last_used_at=auth.now())
        )
    return counted.rowcount == 1


def _report_copy(auth: AuthService, proof: Proof, row: Account, client: Client) -> None:
    with auth.write() as connection:
        record(connection, Event.PASSKEY_CLONED, auth.now(), user_id=row.id, client=client)
        name = connection.scalar(select(Passkey.name).where(Passkey.id == proof.id))
    auth.notify(emails.cloned(auth.emails, row.email, name or ""), ALARM_RECIPIENT)


def _end_others(auth: AuthService, connection: Connection, session: Session, token_id: str) -> None:
    """End the user's other sessions; this one goes on under *token_id*."""
    update_user(connection, session.user.id, auth_version=UserRow.auth_version + 1)
    keep_current_session(connection, session, token_id, auth.now())


def _own(session: Session, passkey: str) -> tuple[Any, ...]:
    return Passkey.id == passkey, Passkey.user_id == session.user.id
