"""Step-up: the password once more, before a page that could do harm in an attacker's hands."""

import streamlit as st

from web.form import CURRENT, Form
from web.guard import adopt_token, client
from web.start import service
from web.tab import Go, tab


def recently_authenticated() -> bool:
    """Return whether this user typed the password a short while ago.

    A sensitive page begins: `if not recently_authenticated(): ask_password("…"); st.stop()`.
    """
    return service().recently_authenticated(tab().token)


def confirm(password: str) -> Go:
    """Check the password of the user who is signed in."""
    adopt_token(service().confirm_password(tab().token, password, client()))
    return Go()


def ask_password(reason: str) -> None:
    """Show a form that asks for the password and says why; the page goes on once it was right."""
    form = Form("step_up")
    with form:
        password = st.text_input("Password", type="password", autocomplete="current-password")
        form.errors(CURRENT)
        st.caption(reason)
        form.button("Confirm")
    form.submit(confirm, password)
