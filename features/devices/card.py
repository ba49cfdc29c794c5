"""The account page's section on where the user is logged in."""

import streamlit as st

from auth.browsers import browser_in_words
from web.details import change_link, moment, row, section
from web.tab import visit


def show_card() -> None:
    """Draw the current session and when it ends, with a link to the others."""
    session = visit().session
    with section("Sessions"):
        with row("This device"):
            st.text(browser_in_words(session.user_agent))
            change_link("devices", "your devices", verb="See all")
        with row("Logged in"):
            st.text(moment(session.created_at))
        with row("Ends"):
            st.text(f"{moment(session.expires_at)} at the latest")
