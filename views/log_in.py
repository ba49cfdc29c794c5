"""Log in: at its own address, and at every private one for somebody who is not signed in."""

import streamlit as st

from auth.errors import AuthError
from web.form import form_page
from web.guard import client, log_in
from web.start import service
from web.tab import tab

if st.session_state["logged_in"]:
    st.switch_page("views/home.py")

answer = form_page("Log in")
with st.form("log_in"):
    email = st.text_input("Email", type="email", autocomplete="username", validate="")
    password = st.text_input("Password", type="password", autocomplete="current-password")
    remember = st.checkbox("Keep me logged in")
    submitted = st.form_submit_button("Log in", type="primary", width="stretch")
if service().settings.require_verified_email:
    st.caption("New here? Open the link in our mail first, then log in.")
st.page_link("views/forgot_password.py", label="Forgot your password?")
st.page_link("views/sign_up.py", label="No account yet? Sign up")

if submitted:
    tab().notice = None
    try:
        login = service().log_in(email, password, client(), remember)
    except AuthError as refusal:
        answer.error(refusal.message)
    else:
        log_in(login)
if notice := tab().notice:
    answer.info(notice)
