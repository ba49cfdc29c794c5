"""Your devices: the account's sessions, with buttons to end them."""

import streamlit as st

from auth.browsers import browser_in_words
from auth.sessions import Session
from features.devices import rules
from web.details import show_ago
from web.form import Form, link
from web.step_up import ask_password, recently_authenticated
from web.tab import Go, draw, visit

auth, this = visit().auth, visit().session
sessions = rules.list_sessions(auth, this)
alive = {session.id for session in sessions}
may_end = recently_authenticated()
# A device that was just logged out keeps its place, so that the next one's button does not move
# under a double click.
listed: dict[str, Session] = st.session_state.setdefault("devices", {})
listed |= {session.id: session for session in sessions}


def end_session(session_id: str) -> Go:
    """Log out one device."""
    rules.revoke_session(auth, this, session_id)
    return Go()


def end_others() -> Go:
    """Log out every device but this one."""
    rules.revoke_other_sessions(auth, this)
    return Go()


def show_device(session: Session) -> None:
    """Draw one device, with the button that ends its session."""
    is_this = session.id == this.id
    form = Form(f"end_session_{session.id[:8]}")
    if session.id not in alive and not form.answered:
        return
    words = browser_in_words(session.user_agent)
    with st.container(border=True, horizontal=True, key=f"device_{session.id[:8]}"):
        st.markdown(_icon(words), width="content")
        with st.container(gap=None, key=f"device_text_{session.id[:8]}"):
            st.text(words + (" (this device)" if is_this else ""))
            place = f" · {session.ip}" if session.ip else ""
            show_ago(session.last_seen_at, auth.now(), before="Last seen ", after=place)
        if session.id not in alive:
            st.caption("Logged out", width="content")
        elif may_end and not is_this:
            form.button("End session", kind="secondary", width="content")
            form.submit(end_session, session.id)


def _icon(words: str) -> str:
    handheld = any(system in words for system in ("Android", "iOS", "Mobile"))
    return ":material/smartphone:" if handheld else ":material/computer:"


st.title("Your devices")
for session in listed.values():
    show_device(session)
draw("devices", "show_devices")
if len(sessions) == 1:
    st.caption("You aren't logged in on any other device.")
elif may_end:
    form = Form("end_others")
    form.button("End all other sessions", width="content")
    form.submit(end_others)
else:
    ask_password("To end other sessions")
link("account", "Back to your account", ":material/arrow_back:")
