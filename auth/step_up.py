"""Step-up: ask for the password, or a passkey, again before a sensitive action (ASVS 5.0 7.5)."""

from datetime import timedelta

from auth import rotation
from auth.audit import Event
from auth.client import Client
from auth.errors import Busy, PasswordNeeded, WrongPassword
from auth.limits import ALARM_RECIPIENT, MOST_FAILURES, PASSWORD_AGAIN
from auth.passwords import verify_password
from auth.service import AuthService
from auth.sessions import Session, known_networks
from auth.throttle import clear, record_success
from auth.tokens import new_token_id
from auth.users import Login, count_failure, find_by_id, update_user

RECENT = timedelta(minutes=10)  # how long a step-up counts


def recently_authenticated(auth: AuthService, session: Session, within: timedelta = RECENT) -> bool:
    """Return whether this session's user logged in or stepped up *within* the given time.

    A token that step-up has replaced does not count as confirmed.
    """
    confirmed_at = session.confirmed_at
    return confirmed_at is not None and auth.now() < confirmed_at + within


def require_recent(auth: AuthService, session: Session) -> None:
    """Raise PasswordNeeded unless this session's user logged in or stepped up recently."""
    if not recently_authenticated(auth, session):
        raise PasswordNeeded


def confirm_password(
    auth: AuthService, session: Session, password: str, client: Client | None = None
) -> Login:
    """Step up: return the session under a new token, the only one that counts as confirmed.

    Copies of the old token gain nothing (ASVS 5.0 7.2.4). *client* is the requester, if known.
    Raises WrongPassword, TooMany, or SessionOver.
    """
    check_password(auth, session, password, client)
    return renew(auth, session, client)


def renew(
    auth: AuthService, session: Session, client: Client | None, *, by_passkey: bool = False
) -> Login:
    """Return *session*, whose user has just been confirmed, under a new token."""
    token_id = new_token_id()
    with auth.write_as(session) as connection:
        rotation.step_up(connection, session, token_id, auth.now(), by_passkey=by_passkey)
        auth.record(connection, Event.CONFIRMED, session, client)
        auth.record(connection, Event.SESSION_RENEWED, session, client)
    return auth.login(session, token_id)


def has_password(auth: AuthService, session: Session) -> bool:
    """Return whether the user's account has a password, and not only passkeys."""
    with auth.read() as connection:
        row = find_by_id(connection, session.user.id)
    return bool(row and row.password_hash)


def require_password(
    auth: AuthService, session: Session, password: str, client: Client | None
) -> None:
    """Check the user's password; an account without one needs a recent step-up instead.

    Raises WrongPassword, TooMany, or PasswordNeeded.
    """
    if has_password(auth, session):
        check_password(auth, session, password, client)
    else:
        require_recent(auth, session)


def check_password(
    auth: AuthService, session: Session, password: str, client: Client | None
) -> None:
    """Raise WrongPassword unless *password* is the user's; TooMany after a few attempts; or Busy.

    The limit is per session and network, so an attacker elsewhere with a stolen cookie cannot use
    up the owner's attempts. A wrong guess counts like one at log-in (TH-1); after too many of them
    the password is accepted from known networks only, here too.
    """
    client = client or session.client
    user_id = session.user.id
    counters = [PASSWORD_AGAIN.on(f"{session.id} {client.network}")]
    auth.take(counters, client)
    with auth.read() as connection:
        row = find_by_id(connection, user_id)
        known = client.network in known_networks(connection, user_id)
    stored = row.password_hash if row else None
    try:
        right = bool(verify_password(password, stored, auth.scheme, client.source))
    except Busy:  # the password was not looked at
        with auth.write() as connection:
            record_success(connection, [], counters, auth.now())
        raise
    if row is None or not right or (row.failures >= MOST_FAILURES and not known):
        with auth.write() as connection:
            failures = None if right else count_failure(connection, user_id)
            auth.record(connection, Event.REFUSED, session, client)
            if failures == MOST_FAILURES:
                auth.record(connection, Event.PASSWORD_SWITCHED_OFF, session, client)
        if failures == MOST_FAILURES:
            auth.notify(auth.emails.password_off(session.user.email), ALARM_RECIPIENT)
        raise WrongPassword
    with auth.write() as connection:
        clear(connection, counters)
        if row.failures:
            update_user(connection, user_id, failures=0)
