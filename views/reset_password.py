"""Reset password: what the link in the mail opens; opening it changes nothing (RS-4)."""

import streamlit as st

from auth.errors import AuthError, InvalidDetails, LinkRefused
from auth.password_rules import ADVICE
from web.form import NO_LINK, form_page, link_token, show_faults
from web.guard import client
from web.start import service
from web.tab import tab

link = link_token()
answer = form_page("Choose a new password")

if not service().is_reset_link(link):
    answer.error(LinkRefused.message if link else NO_LINK)
    st.page_link("views/forgot_password.py", label="Ask for a new link")
    st.stop()

with st.form("reset_password"):
    password = st.text_input("New password", type="password", autocomplete="new-password")
    beside_password = st.container()
    st.caption(f"At least {service().settings.password_min_length} characters. {ADVICE}")
    submitted = st.form_submit_button("Change my password", type="primary", width="stretch")

if submitted:
    try:
        service().reset_password(link, password, client())
    except InvalidDetails as refusal:
        show_faults(beside_password, refusal.faults["password"])
    except AuthError as refusal:
        answer.error(refusal.message)
    else:
        tab().link = None
        tab().notice = "Your password is changed. Log in with it."
        st.switch_page("views/log_in.py")
