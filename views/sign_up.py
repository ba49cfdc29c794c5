"""Sign up: make an account, and be signed in."""

import streamlit as st

from auth.errors import AuthError, InvalidDetails
from auth.password_rules import ADVICE, STRENGTHS, strength
from web.form import form_page, outbox_hint, show_faults
from web.guard import client, log_in
from web.start import service
from web.tab import tab

if st.session_state["logged_in"]:
    st.switch_page("views/home.py")


def enter(email: str, password: str) -> None:
    """Log in with the new account, or send to the form: too many others may log in just now."""
    try:
        login = service().log_in(email, password, client())
    except AuthError:
        tab().notice = "Your account is ready. Log in to go on."
        st.switch_page("views/log_in.py")
    log_in(login)


by_mail = service().settings.require_verified_email
answer = form_page("Sign up")
with st.form("sign_up"):
    name = st.text_input("Name", autocomplete="name")
    beside_name = st.container()
    email = st.text_input("Email", type="email", autocomplete="username", validate="")
    beside_email = st.container()
    password = st.text_input("Password", type="password", autocomplete="new-password")
    beside_password = st.container()
    hint = st.empty()
    hint.caption(f"At least {service().settings.password_min_length} characters. {ADVICE}")
    submitted = st.form_submit_button("Sign up", type="primary", width="stretch")
st.page_link("views/log_in.py", label="Have an account? Log in")

if submitted:
    try:
        if by_mail:
            service().sign_up_by_mail(email, password, name, client())
        else:
            service().sign_up(email, password, name, client())
    except InvalidDetails as refusal:
        show_faults(beside_name, refusal.faults.get("name", ()))
        show_faults(beside_email, refusal.faults.get("email", ()))
        show_faults(beside_password, refusal.faults.get("password", ()))
        if password:
            hint.caption(f"Strength: {STRENGTHS[strength(password)]}. {ADVICE}")
    except AuthError as refusal:
        answer.error(refusal.message)
    else:
        if not by_mail:
            enter(email, password)
        answer.success("Check your email: we have sent you a link.")
        outbox_hint(answer)
