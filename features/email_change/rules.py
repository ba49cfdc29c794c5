"""Change of email: the new one takes effect once its owner has confirmed it (AC-2)."""

from contextlib import suppress
from typing import Any

from sqlalchemy import Connection

from auth.audit import Event, record
from auth.client import Client
from auth.email_tokens import (
    OBJECTIONS,
    Purpose,
    issue_link,
    look_at_link,
    use_link,
    void_links,
    void_objections,
)
from auth.email_tokens import pending_email as find_pending_email
from auth.errors import EmailTaken, InvalidDetails, LinkRefused, SessionOver
from auth.feature import run_after_takeover
from auth.limits import (
    ALARM_RECIPIENT,
    SIGN_UP_RECIPIENT,
    change_counters,
    link_counters,
    mail_counters,
)
from auth.service import AuthService
from auth.sessions import Session
from auth.sign_up import check_domain
from auth.step_up import require_recent
from auth.throttle import DAY, HOUR, MINUTE, Limit
from auth.users import Email, User, as_details, find_by_email, find_by_id, read_email, set_password
from features.email_change import words
from features.email_change.emails import change, changing
from features.email_verification.emails import taken
from features.password_reset.rules import enqueue_reset

CHANGE_EMAIL = Limit("change email: account", 3, DAY, 5 * MINUTE, HOUR)


def change_email(auth: AuthService, session: Session, email: str) -> None:
    """Send a link to the new email; until it is confirmed the account keeps the old one.

    Raises PasswordNeeded, InvalidDetails, TooMany, or SessionOver. Only the new email's owner
    learns whether it already has an account (EN-3).
    """
    require_recent(auth, session)
    with auth.read() as connection:
        auth.require_open(connection, session)
    auth.take(change_counters(session, session.client), session.client)
    with as_details("email"):
        new = read_email(email)
    check_domain(auth, new)
    if new.shown == session.user.email:
        raise InvalidDetails({"email": [words.UNCHANGED]})
    old = read_email(session.user.email)
    recipients = [SIGN_UP_RECIPIENT.on(new.key), CHANGE_EMAIL.on(old.key)]
    auth.take([*recipients, *mail_counters(session.client)], session.client)
    auth.enqueue(lambda: _send_links_in(auth, session, new), session.user.id)


def pending_email(auth: AuthService, session: Session) -> str | None:
    """Return the new email that the user of *session* has yet to confirm."""
    with auth.read() as connection:
        return find_pending_email(connection, session.user.id, auth.now())


def email_to_keep(auth: AuthService, token: str) -> str | None:
    """Return the old email that *token* would keep, or None if it is not valid."""
    with auth.read() as connection:
        found = look_at_link(connection, token, OBJECTIONS, auth.now())
    return found.sent_to if found else None


def keep_email(auth: AuthService, token: str, client: Client) -> None:
    """Undo or stop a change of email that the owner did not ask for.

    An attacker is in the account, so every session ends and no password or passkey works any more.
    The owner gets a link at the old email to choose a password. Raises LinkRefused, or TooMany.
    """
    auth.take(link_counters(client), client)
    now = auth.now()
    try:
        with auth.write() as connection:
            row = use_link(connection, token, OBJECTIONS, now)
            if row is None:
                raise LinkRefused
            set_password(connection, row.user_id, None, email=row.email, email_key=row.email_key)
            # Of an email that was never confirmed, the account may always have been a stranger's.
            planted = row.purpose == Purpose.RECLAIM
            notices = run_after_takeover(auth, connection, row.user_id, planted=planted)
            void_links(connection, row.user_id, *OBJECTIONS)
            void_objections(connection, row.user_id, since=row.created_at)
            record(connection, Event.USER_CHANGED, now, user_id=row.user_id, client=client)
    except EmailTaken:  # by another account, meanwhile
        raise LinkRefused from None
    for notice in notices:
        auth.notify(notice, ALARM_RECIPIENT)
    enqueue_reset(auth, Email(row.email, row.email_key), client)


def export(auth: AuthService, connection: Connection, user: User) -> dict[str, Any]:
    """Return this feature's data about *user*, for their download."""
    return {"new_email": find_pending_email(connection, user.id, auth.now())}


def _send_links_in(auth: AuthService, session: Session, new: Email) -> None:
    """Send them unless the session has ended while this waited: what it asked for is void then."""
    with suppress(SessionOver):
        _send_links(auth, session, new)


def _send_links(auth: AuthService, session: Session, new: Email) -> None:
    now = auth.now()
    with auth.write_as(session) as connection:
        user = find_by_id(connection, session.user.id)
        if user is None:
            return
        owner = find_by_email(connection, new)
        change_token = issue_link(connection, user, Purpose.CHANGE, new.shown, new.key, now)
        objection = Purpose.KEEP if user.verified_at else Purpose.RECLAIM
        keep_token = issue_link(connection, user, objection, user.email, user.email_key, now)
        auth.record(connection, Event.LINK_SENT, session)
    if owner and owner.id != user.id:  # not the user's own in another spelling
        auth.send(taken(auth.emails, owner.email))
    else:
        auth.send(change(auth.emails, new.shown, change_token))
    auth.send(changing(auth.emails, user.email, new.shown, keep_token))
