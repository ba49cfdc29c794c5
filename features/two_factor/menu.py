"""Recovery codes that were made and not saved yet: every page leads to them."""

import streamlit as st

from features.two_factor.fields import CODES
from web.form import go
from web.tab import tab


def show_menu() -> None:
    """Lead back to new recovery codes, shown only once: a second click may have left their page."""
    if st.session_state.get(CODES) and tab().page != "recovery-codes":
        go("recovery_codes")
