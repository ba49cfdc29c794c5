"""Reset password: opened by the emailed link; opening it changes nothing (RS-4)."""

import streamlit as st

from auth.errors import LinkRefused
from features.password_reset import rules, words
from web.form import Form, aside, form_page, link_token
from web.password import new_password
from web.tab import Go, visit
from web.words import NO_LINK

token = link_token()


def reset_password(password: str) -> Go:
    """Set the password; the owner then logs in with it."""
    rules.reset_password(visit().auth, token, password, visit().client)
    return Go("log_in", words.CHANGED)


with form_page("Choose a new password") as below:
    form = Form("reset_password")
    if not form.answered and not rules.is_reset_link(visit().auth, token):
        st.error(LinkRefused.message if token else NO_LINK)
        aside(below, "forgot_password", "Ask for a new link")
        st.stop()

    with form:
        password = new_password(form, "New password")
        form.button("Change my password")

form.submit(reset_password, password)
