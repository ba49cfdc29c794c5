"""Account: who I am here, since when, and this session."""

import streamlit as st

from auth.browsers import browser_in_words
from web.moments import day, moment
from web.start import service
from web.tab import tab

user = st.session_state["user"]
session = service().session(tab().token, held=True)


def show_details(title: str, details: dict[str, str]) -> None:
    """Draw a card of *details*: what users typed is shown as text, never as markup."""
    with st.container(border=True):
        st.subheader(title, anchor=False)
        for label, value in details.items():
            left, right = st.columns([1, 2], gap="small")
            left.caption(label)
            right.text(value or "–")


st.title("Account")
show_details("You", {"Name": user.name, "Email": user.email, "Member since": day(user.created_at)})
if session:
    show_details(
        "This session",
        {
            "Logged in": moment(session.created_at),
            "Ends at the latest": moment(session.expires_at),
            "Browser": browser_in_words(session.agent),
            "Address": session.address,
        },
    )
