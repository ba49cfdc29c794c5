"""Step-up: a form that asks for the password again before a sensitive action."""

import streamlit as st

from auth import step_up
from web.form import CURRENT, Form
from web.guard import adopt_token
from web.tab import Go, visit


def recently_authenticated() -> bool:
    """Return whether this user typed the password recently.

    A sensitive page begins: `if not recently_authenticated(): ask_password("…"); st.stop()`.
    """
    return step_up.recently_authenticated(visit().auth, visit().session)


def confirm(password: str) -> Go:
    """Check the password of the signed-in user."""
    auth, session, client = visit().auth, visit().session, visit().client
    adopt_token(step_up.confirm_password(auth, session, password, client))
    return Go()


def ask_password(reason: str) -> None:
    """Show a form that asks for the password and says why; once correct, the page continues."""
    form = Form("step_up")
    with form:
        password = st.text_input("Password", type="password", autocomplete="current-password")
        form.errors(CURRENT)
        st.caption(reason)
        form.button("Confirm")
    form.submit(confirm, password)
