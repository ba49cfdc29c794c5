"""Change name: how the app calls this user."""

import streamlit as st

from auth.errors import AuthError, InvalidDetails
from web.form import form_page, show_faults
from web.start import service
from web.tab import tab

answer = form_page("Change your name")
with st.form("change_name"):
    name = st.text_input("Name", value=st.session_state["user"].name, autocomplete="name")
    beside_name = st.container()
    submitted = st.form_submit_button("Save", type="primary", width="stretch")
st.page_link("views/account.py", label="Back to your account")

if submitted:
    try:
        service().change_name(tab().token, name)
    except InvalidDetails as refusal:
        show_faults(beside_name, refusal.faults["name"])
    except AuthError as refusal:
        answer.error(refusal.message)
    else:
        tab().notice = "Your name is changed."
        st.switch_page("views/account.py")
