"""Confirm by an emailed link that an email, perhaps a new one, belongs to its user.

Reading an email proves only that the reader owns it. The account may belong to an attacker who
signed up with the owner's email and waits for the click that confirms it. Or the user mistyped the
email, and someone else reads the link. So a link confirms only together with the account's
password, or in a session of that account. The owner of a new account's email can choose another
password instead, which ends every session. A link for a changed email cannot do that: the account
belongs to the owner of the old one.
"""

from dataclasses import dataclass

from auth.audit import Event, record
from auth.client import Client
from auth.email_tokens import (
    OBJECTIONS,
    Purpose,
    is_claimed,
    issue_link,
    look_at_link,
    use_link,
    void_links,
)
from auth.errors import EmailTaken, LinkRefused, LogInRefused, PasswordNeeded, WrongPassword
from auth.limits import MAIL_RECIPIENT, link_counters, mail_counters
from auth.log_in import Authenticated, authenticate
from auth.service import AuthService
from auth.sessions import Session
from auth.sign_up import check_domain
from auth.throttle import record_success
from auth.users import Account, Email, User, find_by_email, find_by_id, read_email, update_user
from features.email_verification.emails import finish, taken, verify

CONFIRMS = (Purpose.VERIFY, Purpose.CHANGE)


@dataclass(frozen=True)
class Confirmation:
    """What a confirmation link would do, for the page that it opens."""

    email: str  # the email that the link was sent to
    needs_password: bool  # because this browser is not signed in to the account
    may_choose_password: bool  # by the same link, instead of entering the current one


def resend_link(auth: AuthService, session: Session) -> None:
    """Send the user of *session* another link for their email; raises TooMany."""
    recipient = MAIL_RECIPIENT.on(read_email(session.user.email).key)
    auth.take([recipient, *mail_counters(session.client)], session.client)
    enqueue_link(auth, session.user)


def look_at_confirmation(
    auth: AuthService, token: str, session: Session | None = None
) -> Confirmation | None:
    """Return what *token* would confirm in *session*, or None if it is not valid."""
    with auth.read() as connection:
        row = look_at_link(connection, token, CONFIRMS, auth.now())
    if row is None:
        return None
    return Confirmation(
        email=row.sent_to,
        needs_password=not _is_of(session, row.id),
        may_choose_password=row.purpose == Purpose.VERIFY,
    )


def confirm_email(
    auth: AuthService,
    token: str,
    client: Client,
    password: str | None = None,
    session: Session | None = None,
) -> Account:
    """Mark the email that *token* was sent to as confirmed, and return its account.

    *password* is the account's; none is needed if *session* belongs to the account. A new email
    replaces the old one. Wrong passwords count like those of a log-in (TH-1), and leave the link
    valid. Raises LinkRefused, PasswordNeeded, WrongPassword, InvalidDetails where
    SIGN_UP_DOMAINS doesn't admit it, TooMany, or SessionOver.
    """
    auth.take(link_counters(client), client)
    with auth.read() as connection:
        found = look_at_link(connection, token, CONFIRMS, auth.now())
    if found is None:
        raise LinkRefused
    checked = None
    if not _is_of(session, found.id):
        session = None
        if password is None:
            raise PasswordNeeded
        try:
            checked = authenticate(auth, found.email, password, client, by_link=True)
        except LogInRefused:
            raise WrongPassword from None
    try:
        return _confirm(auth, token, client, checked, session)
    except EmailTaken:  # by another account, meanwhile
        raise LinkRefused from None


def enqueue_link(auth: AuthService, user: User, client: Client | None = None) -> None:
    """Email *user* a confirmation link in the background, unless they have confirmed."""
    auth.enqueue(lambda: _send_link(auth, user.id), client.source if client else user.id)


def enqueue_taken(auth: AuthService, email: Email, client: Client) -> None:
    """Email the owner of a taken email in the background."""
    auth.enqueue(lambda: _tell_owner(auth, email, client), client.source)


def _confirm(
    auth: AuthService,
    token: str,
    client: Client,
    checked: Authenticated | None,
    session: Session | None,
) -> Account:
    now = auth.now()
    with auth.write() as connection:
        if session:
            auth.require_open(connection, session)
        if checked:  # counters before accounts, as at log-in: neither waits for the other
            record_success(connection, checked.own, checked.shared, now)
        row = use_link(connection, token, CONFIRMS, now)
        user = find_by_id(connection, row.user_id) if row else None
        if row is None or user is None:
            raise LinkRefused
        if row.purpose == Purpose.CHANGE:
            if is_claimed(connection, row.email_key, now, user.id):
                raise LinkRefused
            check_domain(auth, Email(row.email, row.email_key))  # the list may have changed
            update_user(
                connection, user.id, email=row.email, email_key=row.email_key, verified_at=now
            )
            void_links(connection, user.id, *OBJECTIONS)
        elif user.email_key == row.email_key:
            update_user(connection, user.id, verified_at=now)
        else:
            raise LinkRefused
        if checked and user.failures:
            update_user(connection, user.id, failures=0)
        record(connection, Event.USER_CHANGED, now, user_id=user.id, client=client)
    return user._replace(email=row.email)


def _is_of(session: Session | None, user_id: str) -> bool:
    return session is not None and session.is_open and session.user.id == user_id


def _send_link(auth: AuthService, user_id: str) -> None:
    now = auth.now()
    with auth.write() as connection:
        user = find_by_id(connection, user_id, lock=True)
        if user is None or user.verified_at:
            return
        token = issue_link(connection, user, Purpose.VERIFY, user.email, user.email_key, now)
        record(connection, Event.LINK_SENT, now, user_id=user.id)
    auth.send(verify(auth.emails, user.email, token))


def _tell_owner(auth: AuthService, email: Email, client: Client) -> None:
    """Email the owner of a taken email, at the email as they typed it (CVE-2019-19844).

    If it was never confirmed, its owner chooses a password: the current one may belong to an
    attacker who signed up first.
    """
    now = auth.now()
    with auth.write() as connection:
        user = find_by_email(connection, email, lock=True)
        if user is None or not user.is_active:
            return
        if user.verified_at:
            mail = taken(auth.emails, user.email)
        else:
            token = issue_link(connection, user, Purpose.RESET, user.email, user.email_key, now)
            mail = finish(auth.emails, user.email, token)
            record(connection, Event.LINK_SENT, now, user_id=user.id, client=client)
    auth.send(mail)
