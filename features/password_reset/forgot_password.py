"""Forgot password: email a link to choose a new one; the answer is the same for any email."""

import streamlit as st

from features.password_reset import words
from features.password_reset.rules import request_reset
from web.form import Form, aside, form_page, inbox_page, sent
from web.tab import Say, visit


def forgot_password(email: str) -> Say:
    """Send the link, if there is such an account."""
    request_reset(visit().auth, email, visit().client)
    return Say(words.SENT, value=email.strip(), emailed=True, inbox=True)


if said := sent("forgot_password"):
    inbox_page("forgot_password", said, forgot_password)
else:
    with form_page(words.TITLE, words.WHAT) as below:
        form = Form("forgot_password")
        with form:
            email = st.text_input("Email", type="email", autocomplete="username", validate="")
            form.errors("email")
            form.button("Send the link")
        aside(below, "log_in", "Back to log in")
    form.submit(forgot_password, email)
