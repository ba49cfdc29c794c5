"""Change email: the new address counts once its owner has confirmed it."""

import streamlit as st

from auth.errors import AuthError, InvalidDetails
from web.form import form_page, outbox_hint, show_faults
from web.start import service
from web.step_up import ask_password, recently_authenticated
from web.tab import tab

answer = form_page("Change your email")
if not recently_authenticated():
    ask_password("To change your email, enter your password.")
    st.page_link("views/account.py", label="Back to your account")
    st.stop()

with st.form("change_email"):
    email = st.text_input("New email", type="email", autocomplete="email", validate="")
    beside_email = st.container()
    st.caption("We send a link to the new address, and a word to the old one.")
    submitted = st.form_submit_button("Send the link", type="primary", width="stretch")
st.page_link("views/account.py", label="Back to your account")

if submitted:
    try:
        service().change_email(tab().token, email)
    except InvalidDetails as refusal:
        show_faults(beside_email, refusal.faults["email"])
    except AuthError as refusal:
        answer.error(refusal.message)
    else:
        answer.success(
            "Open the link we have sent to your new email. Until then the old one stays."
        )
        outbox_hint(answer)
