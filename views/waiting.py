"""What stands there while the browser is asked who is here: no form, nothing private."""

import streamlit as st

PATIENCE = "8s"  # a browser that has not told its cookies by then gets the log-in page

st.text("…")


@st.fragment(run_every=PATIENCE)
def lose_patience() -> None:
    """Run the script again; a first run waits, a second one does not."""


