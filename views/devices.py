"""Your devices: where this account is logged in, and the way to end what is not yours."""

from contextlib import suppress

import streamlit as st

from auth.browsers import browser_in_words
from auth.errors import AuthError
from auth.sessions import Session
from web.guard import protected
from web.moments import moment
from web.start import service
from web.step_up import ask_password, recently_authenticated
from web.tab import tab

token = tab().token
this = service().session(token, trusted=True)
sessions = service().sessions(token)
may_end = recently_authenticated()


@protected
def end(session_id: str) -> None:
    """End one session. The run that follows shows what was in the way, if something was."""
    with suppress(AuthError):
        service().end_session(token, session_id)


@protected
def end_others() -> None:
    """End every session but this one; the same holds."""
    with suppress(AuthError):
        service().end_other_sessions(token)


def show_device(session: Session) -> None:
    """Draw one device, with the button that ends its session."""
    is_this = this is not None and session.id == this.id
    with st.container(border=True):
        what, way_out = st.columns([3, 1], vertical_alignment="center")
        with what:
            st.text(browser_in_words(session.agent) + (" (this device)" if is_this else ""))
            st.caption(
                f"Last seen {moment(session.last_seen_at)}, "
                f"logged in {moment(session.created_at)}"
                + (f", from {session.address}" if session.address else "")
            )
        if may_end and not is_this:
            way_out.button(
                "End session", key=f"end_{session.id[:8]}", on_click=end, args=(session.id,)
            )


st.title("Your devices")
for session in sessions:
    show_device(session)
if len(sessions) > 1:
    if may_end:
        st.button("End all other sessions", on_click=end_others, type="primary")
    else:
        ask_password("To end other sessions, enter your password.")
else:
    st.caption("You are logged in nowhere else.")
