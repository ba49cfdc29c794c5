"""The guard: who is here, settled at the top of every run and before every callback and fragment.

Any doubt means "not signed in". Pages read the result in `st.session_state`: `logged_in`, `user`.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth.errors import Unavailable
from auth.sessions import Client, EndReason, Session
from auth.users import Login, User
from web import connection
from web.cookies import Bridge, bridge
from web.start import service
from web.tab import Asker, Door, Go, begin_run, clear_tab, tab

P = ParamSpec("P")

SIGNED_OUT = "You are logged out."
END_NOTICES: dict[EndReason | None, str] = {
    EndReason.LOGGED_OUT: SIGNED_OUT,
    EndReason.REPLACED: "There was another log-in in this browser. Log in to continue.",
    EndReason.CROWDED_OUT: "You logged in on more devices than one account can have at a time.",
    EndReason.ENDED: "This device was logged out from another one of yours.",
    EndReason.STALE: "We could not confirm that this page is yours. Reload it to continue.",
    EndReason.REUSED: "This session was ended: its cookie was used twice. Log in to continue.",
    EndReason.EXPIRED: "Your session has reached its end. Log in to continue.",
    EndReason.IDLE: "You were away for a while, so we logged you out. Log in to continue.",
    EndReason.DISABLED: "This account is disabled. Ask the people who run this app.",
    EndReason.CHANGED: "Your account has changed. Log in to continue.",
}


def guard() -> User | None:
    """Settle who is here: in `st.session_state`, and as the answer. None is nobody we know."""
    begin_run()
    slot = connection.slot()
    try:
        service()  # a form that nobody can answer is no page to show
        browser = bridge()
        browser.sync(slot)
        user = _resume(browser, slot)
        if user is None:
            _turn_away(browser, slot)
    except Unavailable:
        _close()
        return None
    return user


def protected(function: Callable[P, None]) -> Callable[P, None]:
    """Wrap a callback or a fragment so that it asks again: both run without the guard.

    Streamlit runs a callback before the script's first line, and a fragment instead of the
    script. Where the session is over the function does not run, and the whole script does.
    """

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        if not still_here():
            st.rerun()
        function(*args, **kwargs)

    return checked


def still_here() -> bool:
    """Tell whether this tab's session is alive, without using it.

    A fragment may run by itself, and cannot tell; only a run of the whole script counts as use
    (SE-4), and after a callback there is one.
    """
    try:
        return service().resume(tab().token, touch=False, trusted=True) is not None
    except Unavailable:
        return False


def client() -> Client:
    """Return who asks, as far as the connection tells."""
    return Client(
        address=connection.address(service().settings.trusted_proxies),
        agent=connection.user_agent(),
        token=bridge().cookie_token() or tab().token,
    )


def log_out() -> Go:
    """End the session everywhere; raises Unavailable if the database does not answer."""
    service().log_out(tab().token)
    return sign_out_locally(SIGNED_OUT)


def sign_out_locally(notice: str) -> Go:
    """Have this tab and this browser forget the user; the log-in page then says *notice*."""
    ended = tab().token
    clear_tab()
    bridge().forget(ended)
    return Go(notice=notice)


def adopt_token(login: Login) -> None:
    """Go on in the same session, from the next run on under the token of *login*."""
    tab().token = login.token
    bridge().keep(login)


def watch() -> None:
    """Look whether this tab may stay open, in the fragment of an idle page; raises Unavailable.

    A token that was replaced is exchanged for the newest; the page stays as it is meanwhile.
    """
    held = tab()
    if held.settled:  # a run of the whole script: the guard has just asked
        held.settled = False
    else:
        session = service().resume_session(held.token, touch=False, trusted=True)
        if session is None or session.end_reason not in {None, EndReason.STALE}:
            st.rerun()
        held.newest = session.newest
    if not held.newest and (newest := bridge().newest_token(connection.slot(), Asker.WATCH)):
        held.token, held.newest = newest, True


def _resume(browser: Bridge, slot: DeltaGenerator) -> User | None:
    """Sign in by the token this tab holds, or else by the one the browser brought.

    The cookies of a connection are those of its start: what they bring is presented once, and
    known from then on. A tab whose token was replaced asks its browser for the newest.
    """
    held, brought = tab().token, browser.cookie_token()
    session = service().resume_session(held, trusted=True)
    if held and session and not session.end_reason:
        return _let_in(session, held)
    stale = session is not None and session.end_reason is EndReason.STALE
    if brought and brought != tab().presented:
        session = service().resume_session(brought)
        tab().presented = brought
        if session and not session.end_reason:
            return _let_in(session, brought)
    if stale and (newest := browser.newest_token(slot, Asker.GUARD)):
        session = service().resume_session(newest, trusted=True)
        if session and not session.end_reason:
            return _let_in(session, newest)
    return None


def _let_in(session: Session, token: str) -> User:
    user = session.user
    held = tab()
    if held.owner is None:
        held.attempts.clear()  # a log-out before this log-in is over: the next one counts again
    elif held.owner != user.id:
        clear_tab()
    held.token, held.owner, held.newest, held.settled = token, user.id, session.newest, True
    st.session_state["logged_in"] = True
    st.session_state["user"] = user
    connection.note_user(user.id)
    return user


def _turn_away(browser: Bridge, slot: DeltaGenerator) -> None:
    """Show the log-in page, or nothing yet where the browser has still to tell its cookies."""
    held = tab()
    presented = held.token or browser.cookie_token()
    if presented and not held.notice:
        held.notice = END_NOTICES.get(service().end_reason(presented))
    if held.owner:
        clear_tab()
    st.session_state["logged_in"] = False
    st.session_state["user"] = None
    connection.note_user(None)
    held.door = Door.LOG_IN if browser.is_ready(slot) else Door.WAITING


def _close() -> None:
    """Show that nobody can be let in now; the tab keeps its things for when we can tell again."""
    st.session_state["logged_in"] = False
    st.session_state["user"] = None
    tab().door = Door.UNAVAILABLE
