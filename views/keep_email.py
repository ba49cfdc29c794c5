"""Keep email: what the link to the old address opens, for a user who did not ask for a new one."""

import streamlit as st

from web.form import NO_LINK, Form, link_token
from web.guard import client
from web.links import link
from web.start import service
from web.tab import Go

token = link_token()


def keep_email() -> Go:
    """Undo the change; this browser may be logged out by it, too."""
    service().keep_email(token, client())
    return Go("log_in", "Your account keeps its old email. We have sent a link to it.")


form = Form("keep_email", page="Keep your old email")
if token or form.answered:
    st.text(
        "If you did not ask to change your email, someone else is using your account. We will log "
        "out every device, switch the password off, and email you a link to choose a new one."
    )
    form.button("Keep my old email")
    form.submit(keep_email)
else:
    st.info(NO_LINK)
link("log_in", "Go to log in")
