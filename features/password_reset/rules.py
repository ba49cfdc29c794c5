"""Password reset: an emailed link lets a user who cannot log in choose a new password."""

from collections.abc import Sequence

from sqlalchemy import select

from auth.administration import record_change, write_as_admin
from auth.audit import Event, record
from auth.client import Client
from auth.email_tokens import OBJECTIONS, Purpose, issue_link, look_at_link, use_link, void_links
from auth.errors import LinkRefused, NoSuchUser
from auth.feature import run_after_takeover
from auth.limits import (
    ALARM_RECIPIENT,
    MAIL_RECIPIENT,
    account_counters,
    form_counters,
    link_counters,
    mail_counters,
)
from auth.mail import Mail
from auth.passwords import hash_password
from auth.service import AuthService
from auth.sessions import Session, known_networks
from auth.sign_up import check_new_password
from auth.throttle import clear
from auth.users import Email, as_details, find_by_email, find_by_id, read_email, set_password
from db.models import User as UserRow
from features.password_reset.emails import reset

# Purposes of links that let their reader choose a password. A new account's link does too: its
# current password may belong to an attacker who signed up first and waits for the owner to confirm.
CHOOSES = (Purpose.RESET, Purpose.VERIFY)


def request_reset(auth: AuthService, email: str, client: Client) -> None:
    """Email a reset link if the account exists; the caller can't tell whether it does (EN-2).

    All work that depends on the account happens in the background. Raises InvalidDetails for text
    that isn't an email, or TooMany.
    """
    auth.take(form_counters(client), client)
    with as_details("email"):
        parsed = read_email(email)
    auth.take([MAIL_RECIPIENT.on(parsed.key), *mail_counters(client)], client)
    enqueue_reset(auth, parsed, client)


def reset_password(auth: AuthService, token: str, password: str, client: Client) -> None:
    """Set the password of the account that *token* was sent for, and end every session (RS-5).

    The link may also be one that verifies a new account. This does not log in. Raises
    InvalidDetails, which leaves the link valid, LinkRefused, or TooMany.
    """
    auth.take(link_counters(client), client)
    with auth.read() as connection:
        row = look_at_link(connection, token, CHOOSES, auth.now())
    if row is None:
        raise LinkRefused
    check_new_password(auth, password, row.email, row.name, client)
    password_hash = hash_password(password, auth.scheme, client.source)
    now = auth.now()
    notices: Sequence[Mail] = ()
    with auth.write() as connection:
        # Counters before accounts, as at log-in, so that neither waits for the other.
        key = read_email(row.email).key
        clear(connection, account_counters(key, known_networks(connection, row.id)))
        used = use_link(connection, token, CHOOSES, now)
        user = find_by_id(connection, used.user_id) if used else None
        if used is None or user is None or user.email_key != used.email_key:
            raise LinkRefused
        # Reading the email has shown that it is theirs.
        set_password(connection, user.id, password_hash, verified_at=user.verified_at or now)
        void_links(connection, user.id, *OBJECTIONS)  # an attacker may do this
        if user.verified_at is None:  # until now it may have been a stranger's, in the owner's name
            notices = run_after_takeover(auth, connection, user.id, planted=True)
        record(connection, Event.PASSWORD_CHANGED, now, user_id=user.id, client=client)
    for notice in (auth.emails.password_changed(user.email), *notices):
        auth.notify(notice, ALARM_RECIPIENT)


def is_reset_link(auth: AuthService, token: str) -> bool:
    """Return whether *token* is valid now, so that its reader doesn't fill in a form in vain."""
    with auth.read() as connection:
        return look_at_link(connection, token, CHOOSES, auth.now()) is not None


def issue_reset(auth: AuthService, user_id: str, by: Session | None = None) -> Mail:
    """Return an email with a new link for the account, for an operator, or the admin *by*.

    Neither chooses a password for others (RS-6). Raises NoSuchUser.
    """
    with write_as_admin(auth, by) as connection:
        user = find_by_id(connection, user_id, lock=True)
        if user is None:
            raise NoSuchUser
        token = issue_link(connection, user, Purpose.RESET, user.email, user.email_key, auth.now())
        record_change(auth, connection, Event.LINK_SENT, user_id, by)
    return reset(auth.emails, user.email, token)


def without_password(auth: AuthService) -> Sequence[str]:
    """Return the ids of the active accounts that have no password, such as imported ones."""
    chosen = select(UserRow.id).where(UserRow.password_hash.is_(None), UserRow.is_active)
    with auth.read() as connection:
        return connection.execute(chosen).scalars().all()


def enqueue_reset(auth: AuthService, email: Email, client: Client) -> None:
    """Send the link in the background, to the email as its owner typed it (CVE-2019-19844)."""
    auth.enqueue(lambda: _send_reset(auth, email, client), client.source)


def _send_reset(auth: AuthService, email: Email, client: Client) -> None:
    now = auth.now()
    with auth.write() as connection:
        user = find_by_email(connection, email, lock=True)
        if user is None or not user.is_active:
            return
        token = issue_link(connection, user, Purpose.RESET, user.email, user.email_key, now)
        record(connection, Event.LINK_SENT, now, user_id=user.id, client=client)
    auth.send(reset(auth.emails, user.email, token))
