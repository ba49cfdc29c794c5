"""Step-up: the password once more, before a page that could do harm in a stranger's hands."""

import streamlit as st

from auth.errors import AuthError
from web.form import show_faults
from web.start import service
from web.tab import tab


def recently_authenticated() -> bool:
    """Tell whether this visitor typed the password a short while ago.

    A sensitive page begins: `if not recently_authenticated(): ask_password("…"); st.stop()`.
    """
    return service().recently_authenticated(tab().token)


def ask_password(reason: str) -> None:
    """Show a form that asks for the password and says why; the page goes on once it was right."""
    with st.form("step_up"):
        password = st.text_input("Password", type="password", autocomplete="current-password")
        beside_password = st.container()
        st.caption(reason)
        submitted = st.form_submit_button("Confirm", type="primary", width="stretch")
    if submitted:
        try:
            service().confirm_password(tab().token, password)
        except AuthError as refusal:
            show_faults(beside_password, [refusal.message])
        else:
            st.rerun()
