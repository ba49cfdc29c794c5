"""Cookie hand-off: by a ticket at log-in, refreshed on page loads, and to a tab that asks again."""

from auth import rotation
from auth.audit import Event, note, session_mark
from auth.errors import TokenExpired, TokenRefused
from auth.service import AuthService
from auth.sessions import CAN_END, EndReason, end_session
from auth.tickets import is_ticket, issue_ticket, use_ticket
from auth.tokens import read
from auth.users import Login


def create_ticket(auth: AuthService, token: str, nonce: str) -> str | None:
    """Return a ticket for the session of *token*, good only in the browser with this *nonce*."""
    session = auth.session(token, trusted=True)
    if session is None or session.end_reason:
        return None
    with auth.write() as connection:
        return issue_ticket(connection, session.id, nonce, auth.now())


def approve_ticket(auth: AuthService, cookie: str | None, ticket: str) -> bool:
    """Register the *ticket* that a tab has made up; return False unless *cookie* is the newest.

    The tab then exchanges it, with itself as the nonce, for the newest token. Only the browser that
    a session belongs to has that in its cookie; a copy has the one before.
    """
    session = auth.session(cookie)
    if session is None or session.end_reason or not session.newest:
        return False
    with auth.write() as connection:
        issue_ticket(connection, session.id, ticket, auth.now(), ticket)
    return True


def exchange_ticket(
    auth: AuthService, ticket: str, nonce: str, cookie: str | None = None
) -> Login | None:
    """Return the log-in that *ticket* stands for, once, in whichever process it arrives.

    *nonce* is that of the browser that it was made for; a tab's own ticket is its own nonce. The
    session of the *cookie* that the new one replaces ends: a browser has one session (SE-1).
    """
    now = auth.now()
    with auth.read() as connection:  # or else anyone could make the writers wait, with any text
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


def end_replaced(auth: AuthService, token: str, cookie: str | None) -> None:
    """End the session of *cookie*, unless it is that of *token*, which replaces it."""
    found = auth.session(cookie, trusted=True)
    if found is None or found.end_reason not in CAN_END:
        return
    if mark_of(auth, token) == session_mark(found.id):
        return
    with auth.write() as connection:
        if end_session(connection, found.id, EndReason.REPLACED, auth.now()):
            auth.record(connection, Event.SESSION_REVOKED, found)


def refresh(auth: AuthService, token: str | None) -> Login | None:
    """Return what the cookie should hold from this page load on, or None to leave it (SE-9)."""
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
    """Return why the session that *token* names is over, to tell the person who had it."""
    now = auth.now()
    try:
        read(token or "", auth.keys, now=now, max_age=auth.sessions.max_age)
    except TokenExpired:
        note(Event.SESSION_EXPIRED, now)
        return EndReason.EXPIRED
    except TokenRefused:
        return None
    session = auth.session(token, trusted=True)
    if session is None or session.end_reason in CAN_END:
        return session.end_reason if session else None
    if session.end_reason in {EndReason.EXPIRED, EndReason.IDLE}:
        with auth.write() as connection:
            if end_session(connection, session.id, session.end_reason, now):
                auth.record(connection, Event.SESSION_EXPIRED, session)
                return session.end_reason
    note(Event.USED_AFTER_END, now, user_id=session.user.id, session_id=session.id)
    return session.end_reason


def close_cookie(auth: AuthService, cookie: str | None, mark: str | None) -> bool:
    """End the session of *cookie*, and return whether the browser may delete the cookie.

    *mark* names the session that a page wants to end, by `mark_of`: the cookie may be that of a
    later log-in by now, and then both stay.
    """
    if mark and mark != mark_of(auth, cookie):
        session = auth.session(cookie, trusted=True)
        return session is None or session.end_reason is not None
    auth.log_out(cookie)
    return True


def mark_of(auth: AuthService, token: str | None) -> str | None:
    """Return what identifies the session of *token* in a page, where it opens nothing."""
    claims = auth.claims(token)
    return session_mark(claims.session_id) if claims else None
