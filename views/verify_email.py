"""Verify email: what the link in the mail opens; only the button confirms (RS-4)."""

import streamlit as st

from auth.errors import AuthError
from web.form import NO_LINK, Form, link_token
from web.guard import client
from web.links import link
from web.start import service
from web.tab import Go, Say, tab

token = link_token()


def confirm_email() -> Say | Go:
    """Confirm the email that the link was sent to."""
    email = service().confirm_email(token, client())
    user = service().resume(tab().token, trusted=True)
    if user and user.email == email:
        return Go("account", "Thank you. Your email is confirmed.")
    return Say("Thank you. This email is confirmed:", value=email)


outcome: Say | AuthError | None = None
form = Form("verify_email", page="Confirm your email")
if token or form.answered:
    form.button("Confirm my email")
    outcome = form.submit(confirm_email)
else:
    st.info(NO_LINK)

if st.session_state["logged_in"]:
    link("account", "Go to your account")
else:
    if isinstance(outcome, AuthError):
        # Reading the email that brings a new password shows that the email is theirs
        link("forgot_password", "Ask for a new link")
    link("log_in", "Go to log in")
