"""Shown while the browser is asked for its cookies: no form, and nothing private."""

from datetime import timedelta

import streamlit as st

from web.tab import Question, tab

PATIENCE = timedelta(seconds=8)  # slow lines fetch the component that answers in this time

st.html(
    """
    <style>
      .waiting { border-radius: 0.5rem; background: currentColor; opacity: 0.07; }
      .waiting.title { width: 40%; height: 2.75rem; margin-bottom: 1.5rem; }
      .waiting.body { height: 12rem; }
    </style>
    <div class="waiting title"></div>
    <div class="waiting body"></div>
    """
)


@st.fragment(run_every=PATIENCE)
def lose_patience() -> None:
    """Run the script again when the time is up; the guard waits once only."""
    if tab().question is Question.WAITING:
        st.rerun()
    tab().question = Question.WAITING


lose_patience()
