"""Log in: at its own URL, and at every private URL for a signed-out visitor."""

from importlib import import_module

import streamlit as st

from auth.users import require_fields
from web import second_step
from web.form import Form, aside, form_page, go_home, link
from web.look import as_text
from web.tab import Go, draw, notice, visit

if st.session_state["logged_in"]:
    go_home()
if challenge := second_step.pending_challenge():
    import_module(f"features.{challenge.stage}.step").show_step(challenge)
    st.stop()


def log_in(email: str, password: str, remember: bool) -> Go:
    """Start a session, or go on to what the account needs besides its password."""
    require_fields(email=email.strip(), password=password)
    return second_step.log_in(email, password, remember)


with form_page(f"Log in to {as_text(visit().auth.settings.app_name)}") as below:
    form = Form("log_in")
    place = st.container()
    with form:
        email = st.text_input("Email", type="email", autocomplete="username", validate="")
        form.errors("email")
        with st.container(key="password"):
            password = st.text_input("Password", type="password", autocomplete="current-password")
            form.errors("password")
            link("forgot_password", "Forgot password?")
        remember = st.checkbox("Keep me logged in")
        form.button("Log in")
    form.submit(log_in, email, password, remember)  # what follows is not drawn if it leads away
    draw("buttons", "show_log_in")
    settings = visit().auth.settings
    if settings.require_verified_email:
        st.caption("Just signed up? Open the link in our email first, then log in.")
    if settings.sign_up == "open":
        aside(below, "sign_up", "Sign up", "New here?")

if said := notice():
    place.info(said)
