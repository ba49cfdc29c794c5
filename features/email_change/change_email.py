"""Change email: the new one takes effect once its owner has confirmed it."""

import streamlit as st

from features.email_change import rules, words
from web.form import Form, aside, form_page
from web.step_up import ask_password, recently_authenticated
from web.tab import Say, visit


def change_email(email: str) -> Say:
    """Send a link to the new email."""
    rules.change_email(visit().auth, visit().session, email)
    return Say(words.SENT, emailed=True)


with form_page("Change your email") as below:
    form = Form("change_email")
    if recently_authenticated():
        with form:
            email = st.text_input("New email", type="email", autocomplete="email", validate="")
            form.errors("email")
            st.caption(words.WHAT_IS_SENT)
            form.button("Send the link")
        form.submit(change_email, email)
    else:
        ask_password("To change your email")
    aside(below, "account", "Back to your account")
