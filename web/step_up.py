"""Step-up: a form that asks for the password again before a sensitive action."""

import streamlit as st

from auth import step_up
from web.form import CURRENT, Form
from web.guard import adopt_token
from web.tab import Go, draw, visit


def recently_authenticated() -> bool:
    """Return whether this user typed the password recently.

    A sensitive page begins: `if not recently_authenticated(): ask_password("To …"); st.stop()`.
    """
    return step_up.recently_authenticated(visit().auth, visit().session)


def confirm(password: str) -> Go:
    """Check the password of the signed-in user."""
    auth, session, client = visit().auth, visit().session, visit().client
    adopt_token(step_up.confirm_password(auth, session, password, client))
    return Go()


def ask_password(purpose: str) -> None:
    """Show a form that asks for the password; once it is correct, the page continues.

    *purpose* begins its sentence: "To see the salaries". A user who has no password confirms by
    what else the features offer.
    """
    if step_up.has_password(visit().auth, visit().session):
        form = Form("step_up")
        with form:
            password = st.text_input("Password", type="password", autocomplete="current-password")
            form.errors(CURRENT)
            st.caption(f"{purpose}, enter your password.")
            form.button("Confirm")
        form.submit(confirm, password)
    else:
        st.caption(f"{purpose}, use a passkey.")
    draw("buttons", "show_step_up")
