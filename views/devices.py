"""Your devices: where this account is logged in, and the way to end what is not yours."""

import streamlit as st

from auth.browsers import browser_in_words
from auth.sessions import Session
from web.form import Form
from web.moments import moment
from web.start import service
from web.step_up import ask_password, recently_authenticated
from web.tab import Go, tab

token = tab().token
this = service().session(token, trusted=True)
sessions = service().sessions(token)
alive = {session.id for session in sessions}
may_end = recently_authenticated()
# A device just logged out keeps its place: or the next one's button would move under the finger
# that clicks twice.
listed: dict[str, Session] = st.session_state.setdefault("devices", {})
listed |= {session.id: session for session in sessions}


def end_session(session_id: str) -> Go:
    """Log out one device."""
    service().end_session(token, session_id)
    return Go()


def end_others() -> Go:
    """Log out every device but this one."""
    service().end_other_sessions(token)
    return Go()


def show_device(session: Session) -> None:
    """Draw one device, with the button that ends its session."""
    is_this = this is not None and session.id == this.id
    form = Form(f"end_session_{session.id[:8]}")
    if session.id not in alive and not form.answered:
        return
    with st.container(border=True):
        what, way_out = st.columns([3, 1], vertical_alignment="center")
        with what:
            st.text(browser_in_words(session.agent) + (" (this device)" if is_this else ""))
            st.caption(
                f"Last seen {moment(session.last_seen_at)}, "
                f"logged in {moment(session.created_at)}"
                + (f", from {session.address}" if session.address else "")
            )
        if session.id not in alive:
            way_out.caption("Logged out")
        elif may_end and not is_this:
            with way_out:
                form.button("End session", kind="secondary", width="content")
            form.submit(end_session, session.id)


st.title("Your devices")
for session in listed.values():
    show_device(session)
if len(sessions) == 1:
    st.caption("You aren't logged in on any other device.")
elif may_end:
    form = Form("end_others")
    form.button("End all other sessions", width="content")
    form.submit(end_others)
else:
    ask_password("To end other sessions, enter your password.")
