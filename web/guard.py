"""The guard: identifies the user at the top of every run, before every callback and fragment.

    guard ─▶ the cookie bridge syncs ─▶ resume: this tab's token, or the browser's ─▶ let in
                                              └─ none is good ─▶ turn away: log-in, or waiting

Any doubt means signed out. Pages read the result in `st.session_state`: `logged_in` and `user`.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, overload

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth.client import Client
from auth.errors import Unavailable
from auth.hand_off import end_reason
from auth.roles import Role
from auth.service import AuthService
from auth.sessions import MAY_BE_OPEN, EndReason, Session
from auth.users import Login, User
from web import connection
from web.connection import Bridge
from web.cookie_manager import CookieManagerBridge
from web.http_only import HttpOnlyBridge
from web.start import service
from web.tab import Asker, Go, SignedOutPage, Visit, begin_run, clear_tab, tab, visit
from web.words import END_NOTICES, SIGNED_OUT

P = ParamSpec("P")


def guard() -> User | None:
    """Return the signed-in user, or None after switching to the public pages.

    Also in `st.session_state`: `logged_in`, `user`.
    """
    begin_run()
    placeholder = connection.placeholder()
    try:
        auth = service()  # first: a log-in form that cannot work must not be shown
        browser = bridge(auth)
        browser.sync(placeholder)
        session = _resume(auth, browser, placeholder)
        if session is None:
            _turn_away(auth, browser, placeholder)
    except Unavailable:
        _show_unavailable()
        return None
    tab().visit = Visit(auth, _client(auth, browser), session)
    return session.user if session else None


Wrapped = Callable[P, None]


@overload
def protected(function: Wrapped[P]) -> Wrapped[P]: ...


@overload
def protected(*, role: Role) -> Callable[[Wrapped[P]], Wrapped[P]]: ...


def protected(
    function: Wrapped[P] | None = None, *, role: Role | None = None
) -> Wrapped[P] | Callable[[Wrapped[P]], Wrapped[P]]:
    """Wrap a callback or a fragment so that it checks the session: both run without the guard.

        @protected                   for every signed-in user
        @protected(role=Role.ADMIN)  for those with that role now

    Streamlit runs a callback before the script's first line, and a fragment instead of the
    script. If the session or the role is gone, the function does not run and the script does.
    """

    def wrap(function: Wrapped[P]) -> Wrapped[P]:
        @wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> None:
            if not still_open(role):
                st.rerun()
            function(*args, **kwargs)

        return checked

    return wrap(function) if function else wrap


def still_open(role: Role | None = None) -> bool:
    """Return whether this tab's session is open and has *role*; resolves the visit again.

    Only a run of the whole script counts as use (SE-4): a fragment may run by itself.
    """
    try:
        auth = service()
        session = auth.resume_session(tab().token, touch=False, trusted=True)
    except Unavailable:
        return False
    if session is None or session.end_reason or (role and role not in session.roles):
        return False
    tab().visit = Visit(auth, _client(auth, bridge(auth)), session)
    return True


def log_out() -> Go:
    """End the session everywhere; raises Unavailable if the database does not answer."""
    visit().auth.log_out(tab().token)
    return sign_out_locally(SIGNED_OUT)


def sign_out_locally(notice: str) -> Go:
    """Sign out this tab and delete its browser's cookie; the log-in page then shows *notice*."""
    ended = tab().token
    browser = bridge(visit().auth)
    clear_tab()
    tab().reported = browser.cookie_token()  # so that its end is not reported again
    browser.forget(ended)
    return Go(notice=notice)


def adopt_token(login: Login) -> None:
    """Continue the same session under the token of *login*, from the next run on."""
    tab().token = login.token
    bridge(visit().auth).keep(login)


def watch() -> None:
    """Check from an idle page's fragment whether this tab may stay open; raises Unavailable.

    A token that was replaced is exchanged for the newest; meanwhile the page stays as it is.
    """
    held = tab()
    auth = visit().auth
    if held.just_resolved:  # a run of the whole script: the guard has just checked
        held.just_resolved = False
    else:
        session = auth.resume_session(held.token, touch=False, trusted=True)
        if session is None or session.end_reason not in MAY_BE_OPEN:
            st.rerun()
        held.newest = session.newest
    if held.newest:
        return
    if newest := bridge(auth).newest_token(connection.placeholder(), Asker.WATCH):
        held.token, held.newest = newest, True


def bridge(auth: AuthService) -> Bridge:
    """Return the bridge for this connection, chosen by what the server offers, not by a setting."""
    if name := connection.http_only_cookie():
        return HttpOnlyBridge(auth, name)
    return CookieManagerBridge(auth, auth.settings.cookie_name)


def _client(auth: AuthService, browser: Bridge) -> Client:
    """Return what the connection reveals about the client."""
    return Client(
        ip=connection.ip(auth.settings.trusted_proxies),
        user_agent=connection.user_agent(),
        token=browser.cookie_token() or tab().token,
        browser=connection.browser(),
        device=connection.device(),
    )


def _resume(auth: AuthService, browser: Bridge, placeholder: DeltaGenerator) -> Session | None:
    """Resume the session of this tab's token, or else of the token in the browser's cookie.

    A connection's cookies are those of its handshake, so they count as presented only once, and as
    trusted from then on. A tab with a replaced token asks its browser for the newest; it may have
    connected long before this run, so its handshake's cookie is no proof of a copy.
    """
    held, cookie = tab().token, browser.cookie_token()
    session = auth.resume_session(held, trusted=True)
    if held and session and session.is_open:
        return _let_in(session, held)
    stale = session is not None and session.end_reason is EndReason.STALE
    if cookie and cookie != tab().presented:
        session = auth.resume_session(cookie, trusted=stale)
        tab().presented = cookie
        if session and session.is_open:
            return _let_in(session, cookie)
    if stale and (newest := browser.newest_token(placeholder, Asker.GUARD)):
        session = auth.resume_session(newest, trusted=True)
        if session and session.is_open:
            return _let_in(session, newest)
    return None


def _let_in(session: Session, token: str) -> Session:
    user = session.user
    held = tab()
    if held.owner is None:
        held.attempts.clear()  # an earlier log-out is over, so the next one counts again
    elif held.owner != user.id:
        clear_tab()
    held.token, held.owner, held.newest, held.just_resolved = token, user.id, session.newest, True
    st.session_state["logged_in"] = True
    st.session_state["user"] = user
    connection.note_user(user.id)
    return session


def _turn_away(auth: AuthService, browser: Bridge, placeholder: DeltaGenerator) -> None:
    """Show the log-in page, or a placeholder while the browser is still asked for its cookies."""
    held = tab()
    presented = held.token or browser.cookie_token()
    was_read = held.owner and held.shown  # by the user who is signed out now
    if presented and presented != held.reported and (was_read or not held.notice):
        held.reported = presented
        held.notice = END_NOTICES.get(end_reason(auth, presented))
    if held.owner:
        clear_tab()
    st.session_state["logged_in"] = False
    st.session_state["user"] = None
    connection.note_user(None)
    ready = browser.is_ready(placeholder)
    held.signed_out_page = SignedOutPage.LOG_IN if ready else SignedOutPage.WAITING


def _show_unavailable() -> None:
    """Show that the service is unavailable; the tab keeps its state until it answers again."""
    st.session_state["logged_in"] = False
    st.session_state["user"] = None
    tab().signed_out_page = SignedOutPage.UNAVAILABLE
