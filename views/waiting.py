"""Shown while the browser is asked for its cookies: the outline of a page, with nothing private."""

from datetime import timedelta

import streamlit as st

from web.look import card_skeleton, page_skeleton
from web.tab import Question, tab

PATIENCE = timedelta(seconds=8)  # enough for a slow connection to fetch the component

if tab().page in ("log-in", "sign-up", "forgot-password"):
    card_skeleton()
else:
    page_skeleton()


@st.fragment(run_every=PATIENCE)
def lose_patience() -> None:
    """Run the script again when the time is up; the guard waits only once."""
    if tab().question is Question.WAITING:
        st.rerun()
    tab().question = Question.WAITING


lose_patience()
