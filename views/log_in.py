"""Log in: at its own URL, and at every private one for a signed-out visitor."""

import streamlit as st

from auth.fields import require
from web.form import Form, aside, form_page, go_home, link
from web.guard import adopt_token
from web.look import as_text
from web.tab import Go, tab, visit

if st.session_state["logged_in"]:
    go_home()


def log_in(email: str, password: str, remember: bool) -> Go:
    """Start a session for this tab and this browser."""
    require(email=email.strip(), password=password)
    adopt_token(visit().auth.log_in(email, password, visit().client, remember))
    return Go()


with form_page(f"Log in to {as_text(visit().auth.settings.app_name)}") as below:
    form = Form("log_in")
    notice = st.container()
    with form:
        email = st.text_input("Email", type="email", autocomplete="username", validate="")
        form.errors("email")
        with st.container(key="password"):
            password = st.text_input("Password", type="password", autocomplete="current-password")
            form.errors("password")
            link("forgot_password", "Forgot password?")
        remember = st.checkbox("Keep me logged in")
        form.button("Log in")
    if visit().auth.settings.require_verified_email:
        st.caption("New here? Open the link in our email first, then log in.")
    aside(below, "sign_up", "Sign up", "New here?")

form.submit(log_in, email, password, remember)
if tab().notice:
    notice.info(tab().notice)
