"""Log in: at its own URL, and at every private one for a signed-out visitor."""

import streamlit as st

from web.form import Form, go_home, link
from web.guard import adopt_token
from web.tab import Go, tab, visit

if st.session_state["logged_in"]:
    go_home()


def log_in(email: str, password: str, remember: bool) -> Go:
    """Start a session for this tab and this browser."""
    adopt_token(visit().auth.log_in(email, password, visit().client, remember))
    return Go()


form = Form("log_in", page="Log in")
notice = st.container()
with form:
    email = st.text_input("Email", type="email", autocomplete="username", validate="")
    password = st.text_input("Password", type="password", autocomplete="current-password")
    remember = st.checkbox("Keep me logged in")
    form.button("Log in")
if visit().auth.settings.require_verified_email:
    st.caption("New here? Open the link in our email first, then log in.")
link("forgot_password", "Forgot your password?")
link("sign_up", "No account yet? Sign up")

form.submit(log_in, email, password, remember)
if tab().notice:
    notice.info(tab().notice)
