"""Shown while the browser is asked for its cookies: the shape of a page, and nothing private."""

from datetime import timedelta

import streamlit as st

from web.look import card_skeleton, page_skeleton
from web.tab import Question, tab

PATIENCE = timedelta(seconds=8)  # slow lines fetch the component that answers in this time

if tab().page in ("log-in", "sign-up", "forgot-password"):
    card_skeleton()
else:
    page_skeleton()


@st.fragment(run_every=PATIENCE)
def lose_patience() -> None:
    """Run the script again when the time is up; the guard waits once only."""
    if tab().question is Question.WAITING:
        st.rerun()
    tab().question = Question.WAITING


lose_patience()
