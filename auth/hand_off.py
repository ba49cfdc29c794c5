"""Cookie hand-off: by ticket at log-in, by refresh at page loads, and to a tab that asks again.

A ticket is passed from a script to its page, so that an HTTP response can set the cookie. It works
once, for half a minute, and only in the browser it was made for.
"""

import re
import secrets
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from auth import rotation
from auth.audit import Event, note, session_mark
from auth.errors import SessionOver, TokenExpired, TokenRefused
from auth.feature import DeviceToken
from auth.service import AuthService
from auth.sessions import MAY_BE_OPEN, EndReason, end_session
from auth.tokens import hash_token, read
from auth.users import Login
from db.models import Ticket

LIFE = timedelta(seconds=30)
OWN_TICKET = re.compile(r"_ask_[0-9a-f]{32}", re.ASCII)
MOST_TICKETS = 50  # of one session's tabs at a time


def create_ticket(auth: AuthService, token: str, nonce: str) -> str | None:
    """Return a ticket for the session of *token*, valid only in the browser that has *nonce*."""
    session = auth.session(token, trusted=True)
    if session is None or session.end_reason:
        return None
    with suppress(SessionOver), auth.write_as(session) as connection:
        return issue_ticket(connection, session.id, nonce, auth.now())
    return None


def own_ticket() -> str:
    """Return a ticket that a tab makes up; it is also the key of the component that sends it."""
    return f"_ask_{secrets.token_hex(16)}"


def approve_ticket(auth: AuthService, cookie: str | None, ticket: str) -> bool:
    """Register a tab's `own_ticket`; return False unless *cookie* is the newest token.

    The tab then exchanges the ticket for the newest token, with the ticket itself as the nonce.
    Only the session's own browser has the newest token in its cookie; a copy has an older one.
    """
    session = auth.session(cookie) if OWN_TICKET.fullmatch(ticket) else None
    if session is None or session.end_reason or not session.newest:
        return False
    its, now = Ticket.session_id == session.id, auth.now()
    with auth.write() as connection:
        if not rotation.is_still_newest(connection, session):
            return False
        if is_ticket(connection, ticket):
            return True  # its page has sent it twice
        connection.execute(delete(Ticket).where(its, Ticket.expires_at <= now))
        if (connection.scalar(select(func.count()).where(its)) or 0) >= MOST_TICKETS:
            return False
        issue_ticket(connection, session.id, ticket, now, ticket)
    return True


def exchange_ticket(
    auth: AuthService, ticket: str, nonce: str, cookie: str | None = None
) -> Login | None:
    """Return the log-in for *ticket*, once, in any process.

    *nonce* is that of the browser it was made for; a tab's own ticket is its own nonce. Ends the
    session of *cookie*, which the new token replaces: a browser has one session (SE-1).
    """
    now = auth.now()
    with auth.read() as connection:  # otherwise any text sent here would take the write lock
        if not is_ticket(connection, ticket):
            return None
    with auth.write() as connection:
        session_id = use_ticket(connection, ticket, nonce, now)
        session = auth.sessions.find(connection, session_id, now) if session_id else None
    if session is None or session.end_reason:
        return None
    login = auth.login(session)
    end_replaced(auth, login.token, cookie)
    return login


def device_tokens(auth: AuthService, login: Login) -> list[DeviceToken]:
    """Return what the features have the browser keep from this log-in on, besides its cookie."""
    hooks = [each.device_token for each in auth.features if each.device_token]
    return [token for hook in hooks if (token := hook(auth, login))]


def end_replaced(auth: AuthService, token: str, cookie: str | None) -> None:
    """End the session of *cookie*, unless *token*, which replaces it, has the same session."""
    found = auth.session(cookie, trusted=True)
    if found is None or found.end_reason not in MAY_BE_OPEN:
        return
    if mark_of(auth, token) == session_mark(found.id):
        return
    with auth.write() as connection:
        if end_session(connection, found.id, EndReason.REPLACED, auth.now()):
            auth.record(connection, Event.SESSION_REVOKED, found)


def refresh(auth: AuthService, token: str | None) -> Login | None:
    """Return the cookie's next value at a page load, or None to leave it unchanged (SE-9)."""
    session = auth.session(token)
    if session is None or session.end_reason or not session.newest:
        return None
    token_id = session.next_token_id
    if token_id is None and rotation.is_due(session, auth.now()):
        with auth.write() as connection:
            if token_id := rotation.prepare(connection, session):
                auth.record(connection, Event.SESSION_RENEWED, session)
    return auth.login(session, token_id) if token_id else None


def end_reason(auth: AuthService, token: str | None) -> EndReason | None:
    """Return why the session of *token* ended, to show to its user."""
    now = auth.now()
    try:
        read(token or "", auth.keys, now=now, max_age=auth.sessions.max_age)
    except TokenExpired:
        note(Event.SESSION_EXPIRED, now)
        return EndReason.EXPIRED
    except TokenRefused:
        return None
    session = auth.session(token, trusted=True)
    if session is None or session.end_reason in MAY_BE_OPEN:
        return session.end_reason if session else None
    if session.end_reason in {EndReason.EXPIRED, EndReason.IDLE, EndReason.ONE_FACTOR}:
        with auth.write() as connection:
            if end_session(connection, session.id, session.end_reason, now):
                auth.record(connection, Event.SESSION_EXPIRED, session)
                return session.end_reason
    note(Event.USED_AFTER_END, now, user_id=session.user.id, session_id=session.id)
    return session.end_reason


def close_cookie(auth: AuthService, cookie: str | None, mark: str | None) -> bool:
    """End the session of *cookie* and return whether the browser may delete the cookie.

    *mark*, from `mark_of`, names the session that the page wants to end. If the cookie belongs to
    a later log-in by now, both stay.
    """
    if mark and mark != mark_of(auth, cookie):
        session = auth.session(cookie, trusted=True)
        return session is None or session.end_reason is not None
    auth.log_out(cookie)
    return True


def mark_of(auth: AuthService, token: str | None) -> str | None:
    """Return an id for the session of *token* that a page may hold; it can't be used as a token."""
    claims = auth.claims(token)
    return session_mark(claims.session_id) if claims else None


def issue_ticket(
    connection: Connection, session_id: str, browser: str, now: datetime, ticket: str | None = None
) -> str:
    """Return a ticket, new or a tab's own, that only the holder of the nonce *browser* can use."""
    ticket = ticket or secrets.token_urlsafe(24)
    connection.execute(
        insert(Ticket).values(
            hash=hash_token(ticket),
            session_id=session_id,
            browser=hash_token(browser),
            expires_at=now + LIFE,
        )
    )
    return ticket


def is_ticket(connection: Connection, ticket: str) -> bool:
    """Return whether the ticket exists; only then is it worth a write transaction."""
    found = connection.execute(select(Ticket.hash).where(Ticket.hash == hash_token(ticket))).first()
    return found is not None


def use_ticket(connection: Connection, ticket: str, browser: str, now: datetime) -> str | None:
    """Return the id of the session that *ticket* is for, once; None for anything else.

    A single statement deletes it, so only one of two concurrent requests wins, in any process.
    A ticket presented by another browser is used up too: it has leaked.
    """
    row = connection.execute(
        delete(Ticket)
        .where(Ticket.hash == hash_token(ticket))
        .returning(Ticket.session_id, Ticket.browser, Ticket.expires_at)
    ).first()
    if row is None or row.browser != hash_token(browser) or now >= row.expires_at:
        return None
    session_id: str = row.session_id
    return session_id
