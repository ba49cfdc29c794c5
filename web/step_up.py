"""Step-up: a form that asks for the password, or a passkey, again before a sensitive action."""

import streamlit as st

from auth import step_up
from web.form import CURRENT, Form
from web.guard import adopt_token
from web.tab import Go, draw, visit


def recently_authenticated() -> bool:
    """Return whether this user logged in or stepped up recently.

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

    *purpose* begins its sentence: "To see the salaries". A user without a password is asked for a
    passkey instead.
    """
    if not step_up.has_password(visit().auth, visit().session):
        ask_passkey(purpose)
        return
    form = Form("step_up")
    with form:
        password = current_password(form)
        st.caption(f"{purpose}, enter your password.")
        form.button("Confirm")
    form.submit(confirm, password)
    draw("buttons", "show_step_up")


def ask_passkey(purpose: str) -> None:
    """Ask a user who has no password for a passkey."""
    st.caption(f"{purpose}, use a passkey.")
    draw("buttons", "show_step_up")


def current_password(form: Form, label: str = "Password") -> str:
    """Draw the field for the password that the user has now in *form*, and return the input."""
    typed = st.text_input(label, type="password", autocomplete="current-password")
    form.errors(CURRENT)
    return typed
