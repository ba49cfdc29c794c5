"""Keep email: what the link to the old address opens, for whoever did not ask for a new one."""

import streamlit as st

from auth.errors import AuthError
from web.form import NO_LINK, form_page, link_token
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
    if st.button("Keep my old email", type="primary", width="stretch"):
        try:
            service().keep_email(link, client())
        except AuthError as refusal:
            answer.error(refusal.message)
        else:
            tab().link = None
            tab().notice = "Your account keeps its old email. We have sent a link to it."
            st.switch_page("views/log_in.py")  # also this browser may be logged out by it
else:
    answer.info(NO_LINK)
st.page_link("views/log_in.py", label="Go to log in")
