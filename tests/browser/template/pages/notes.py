"""A page as an author may write it: what is typed here is one user's alone."""

import streamlit as st

from web.guard import protected


@protected
def keep() -> None:
    """Keep the note; the log tells the test that this ran."""
    st.session_state["kept"] = st.session_state["note"]
    print("kept", st.session_state["note"], flush=True)


@st.fragment(run_every="0.5s")
@protected
def pulse() -> None:
    """Run by itself; the log tells the test that this ran."""
    st.text("Alive")
    print("pulse", st.session_state["user"].email, flush=True)


st.title("Notes")
st.text_input("Note", key="note")
st.button("Keep", on_click=keep)
st.text(f"Kept: {st.session_state.get('kept', 'nothing')}")
pulse()
