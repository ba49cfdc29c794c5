"""Sign up: make an account, and be signed in."""

import streamlit as st

from auth.errors import AuthError, InvalidDetails
from web.guard import client, log_in
from web.start import service

if st.session_state["logged_in"]:
    st.switch_page("views/home.py")

st.title("Sign up")
answer = st.container()
with st.form("sign_up"):
    name = st.text_input("Name", autocomplete="name")
    beside_name = st.container()
    email = st.text_input("Email", type="email", autocomplete="username", validate="")
    beside_email = st.container()
    password = st.text_input("Password", type="password", autocomplete="new-password")
    beside_password = st.container()
    submitted = st.form_submit_button("Sign up", type="primary", width="stretch")
st.page_link("views/log_in.py", label="Have an account? Log in")

if submitted:
    try:
        service().sign_up(email, password, name)
        login = service().log_in(email, password, client())
    except InvalidDetails as refusal:
        beside = {"name": beside_name, "email": beside_email, "password": beside_password}
        for field, faults in refusal.faults.items():
            for fault in faults:
                beside[field].error(fault)
    except AuthError as refusal:
        answer.error(refusal.message)
    else:
        log_in(login)
