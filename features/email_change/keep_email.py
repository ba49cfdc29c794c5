"""Keep email: opened by the link to the old email, for an owner who didn't ask for a change."""

import streamlit as st

from features.email_change import rules
from web.form import Form, aside, form_page, link_token
from web.tab import Go, visit
from web.words import NO_LINK

token = link_token()


def keep_email() -> Go:
    """Undo the change; this may log out this browser too."""
    rules.keep_email(visit().auth, token, visit().client)
    return Go("log_in", "Your account keeps its old email. We have sent a link to it.")


with form_page("Keep your old email") as below:
    form = Form("keep_email")
    if token or form.answered:
        st.text(
            "If you didn't ask to change your email, someone else is using your account. We'll log "
            "out every device, switch the password off, and email you a link to choose a new one."
        )
        form.button("Keep my old email")
        form.submit(keep_email)
    else:
        st.info(NO_LINK)
    aside(below, "log_in", "Go to log in")
