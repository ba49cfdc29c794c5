"""Keep email: what the link to the old address opens, for whoever did not ask for a new one."""

import streamlit as st

from auth.errors import AuthError
from web.form import form_page, link_token, outbox_hint
from web.guard import client
from web.start import service
from web.tab import tab

link = link_token()
answer = form_page("Keep your old email")

if link:
    st.text(
        "If you did not ask for another email address, somebody else is in your account. "
        "We log out every device, switch the password off, and send you a link to choose a new one."
    )
    place = st.empty()
    if place.button("Keep my old email", type="primary", width="stretch"):
        try:
            service().keep_email(link, client())
        except AuthError as refusal:
            answer.error(refusal.message)
        else:
            tab().link = None
            place.empty()
            answer.success("Your account keeps its old email. We have sent a link to it.")
            outbox_hint(answer)
else:
    answer.info("This page works by the link in our mail.")
st.page_link("views/log_in.py", label="Go to log in")
