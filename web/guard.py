"""The guard: who is here, settled at the top of every run and before every callback and fragment.

Any doubt means "not signed in". Pages read the result in `st.session_state`: `logged_in`, `user`.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import streamlit as st

from auth.errors import Unavailable
from auth.service import Login
from auth.sessions import Client, EndReason
from auth.users import User
from web import cookies
from web.start import service
from web.tab import Door, clear_tab, tab

P = ParamSpec("P")

SIGNED_OUT = "You are logged out."
WHY_OVER = {
    EndReason.LOGGED_OUT: SIGNED_OUT,
    EndReason.REPLACED: "There was another log-in in this browser. Log in to go on.",
    EndReason.EXPIRED: "Your session has reached its end. Log in to go on.",
    EndReason.IDLE: "You were away for a while, so we logged you out. Log in to go on.",
    EndReason.DISABLED: "This account is disabled. Ask the people who run this app.",
    EndReason.CHANGED: "Your account has changed. Log in to go on.",
    None: "Your session is over. Log in to go on.",
}


def guard() -> User | None:
    """Settle who is here: in `st.session_state`, and as the answer. None is nobody we know."""
    try:
        name = service().settings.cookie_name
        cookies.settle_write(name)
        cookies.hear_browser(name)
        user = _resume()
        if user is None:
            _turn_away()
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
        if not still_here(touch=True):
            st.rerun()
        function(*args, **kwargs)

    return checked


def still_here(*, touch: bool) -> bool:
    """Tell whether this tab's session is alive; *touch* notes that somebody used it."""
    try:
        return service().resume(tab().token, touch=touch) is not None
    except Unavailable:
        return False


def client() -> Client:
    """Return who asks, as far as the connection tells."""
    return Client(
        address=st.context.ip_address or "",
        agent=str(st.context.headers.get("User-Agent") or ""),
        token=next(iter(_tokens()), None),
    )


def log_in(login: Login) -> None:
    """Sign this tab in by *login*, have the browser keep the token, and show the page."""
    tab().token = login.token
    cookies.write_cookie(login.token, login.expires_at)
    st.rerun()


def log_out() -> None:
    """End the session everywhere and show the log-in page; raises Unavailable where it cannot."""
    service().log_out(tab().token)
    clear_tab()
    cookies.delete_cookie()
    tab().notice = SIGNED_OUT
    st.rerun()


def _resume() -> User | None:
    """Sign in the first token that is alive."""
    for token in _tokens():
        if user := service().resume(token):
            return _let_in(user, token)
    return None


def _tokens() -> list[str]:
    """Return what this visitor may present: the tab's own token, then what the browser brought."""
    held = tab()
    brought = cookies.handshake_cookie(service().settings.cookie_name) or held.brought
    return list(dict.fromkeys(token for token in (held.token, brought) if token))


def _let_in(user: User, token: str) -> User:
    if tab().owner not in {None, user.id}:
        clear_tab()
    tab().token, tab().owner, tab().settled = token, user.id, True
    st.session_state["logged_in"] = True
    st.session_state["user"] = user
    return user


def _turn_away() -> None:
    """Show the log-in page, or nothing yet where the browser has still to tell its cookies."""
    held = tab()
    presented = _tokens()
    if held.owner:
        held.notice = WHY_OVER[service().why_over(held.token)]
        clear_tab()
    st.session_state["logged_in"] = False
    st.session_state["user"] = None
    if presented or held.told or not cookies.can_ask_browser():
        held.door = Door.LOG_IN
        return
    # A second run without an answer is the end of our patience: the form then, and still an ear.
    held.door = Door.LOG_IN if held.asked else Door.WAITING
    held.asked = True
    cookies.ask_browser()


def _close() -> None:
    """Show that nobody can be let in now; the tab keeps its things for when we can tell again."""
    st.session_state["logged_in"] = False
    st.session_state["user"] = None
    tab().door = Door.UNAVAILABLE
