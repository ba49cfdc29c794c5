"""Forgot password: a link to choose a new one, by mail; who asks learns nothing of the account."""

import streamlit as st

from auth.errors import AuthError, InvalidDetails
from web.form import form_page, outbox_hint, show_faults
from web.guard import client
from web.start import service

answer = form_page("Forgot your password?")
with st.form("forgot_password"):
    email = st.text_input("Email", type="email", autocomplete="username", validate="")
    beside_email = st.container()
    st.caption("We send you a link to choose a new one.")
    submitted = st.form_submit_button("Send the link", type="primary", width="stretch")
st.page_link("views/log_in.py", label="Back to log in")

if submitted:
    try:
        service().forgot_password(email, client())
    except InvalidDetails as refusal:
        show_faults(beside_email, refusal.faults["email"])
    except AuthError as refusal:
        answer.error(refusal.message)
    else:
        answer.success(
            "If there is an account with this email, we have sent it a link. "
            "It works once, for an hour."
        )
        outbox_hint(answer)
