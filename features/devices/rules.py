"""A user's own sessions: list them, and after step-up end one or all others."""

from collections.abc import Callable

from auth.audit import Event
from auth.browsers import browser_in_words
from auth.limits import NOTICE_RECIPIENT
from auth.service import AuthService
from auth.sessions import EndReason, Session, end_session, known_user_agents
from auth.step_up import require_recent
from features.devices.emails import new_device


def list_sessions(auth: AuthService, session: Session) -> list[Session]:
    """Return the open sessions of the user of *session*, the most recently used first (SE-7)."""
    with auth.read() as connection:
        return auth.sessions.of_user(connection, session.user.id, auth.now())


def revoke_session(auth: AuthService, session: Session, session_id: str) -> None:
    """End one session of the user of *session*; raises PasswordNeeded, or SessionOver."""
    _revoke(auth, session, lambda each: each.id == session_id)


def revoke_other_sessions(auth: AuthService, session: Session) -> None:
    """End every session of the user but *session*; raises PasswordNeeded, or SessionOver."""
    _revoke(auth, session, lambda each: each.id != session.id)


def report_new_device(auth: AuthService, session: Session) -> None:
    """Email the user, in the background, if they never used the session's browser before."""
    auth.enqueue(lambda: _report_new_device(auth, session), session.user.id)


def _report_new_device(auth: AuthService, session: Session) -> None:
    with auth.read() as connection:
        known = known_user_agents(connection, session.user.id, but=session.id)
    if not known or session.user_agent in known:  # the first browser, or one that needs no parsing
        return
    device = browser_in_words(session.user_agent)
    if device not in map(browser_in_words, known):
        mail = new_device(auth.emails, session.user.email, device, session.ip)
        auth.notify(mail, NOTICE_RECIPIENT)


def _revoke(auth: AuthService, session: Session, chosen: Callable[[Session], bool]) -> None:
    require_recent(auth, session)
    now = auth.now()
    with auth.write_as(session) as connection:
        for each in filter(chosen, auth.sessions.of_user(connection, session.user.id, now)):
            end_session(connection, each.id, EndReason.ENDED, now)
            auth.record(connection, Event.SESSION_REVOKED, each)
