"""Shown at a URL that no page has, signed in or not."""

import streamlit as st

from web.form import aside, form_page
from web.tab import tab

with form_page("Page not found", "There is nothing at this address.") as below:
    if st.session_state["logged_in"]:
        if home := tab().home:
            with below.container(horizontal_alignment="center", key="aside_home"):
                st.page_link(home, label=f"Go to {home.title}")
    else:
        aside(below, "log_in", "Go to log in")
