"""Sign up: make an account, and be signed in."""

import streamlit as st

from auth.sign_up import sign_up_by_email
from web import second_step
from web.form import Form, aside, form_page, go_home, inbox_page, sent
from web.look import as_text
from web.password import new_password
from web.tab import Go, Say, visit

if st.session_state["logged_in"]:
    go_home()

SENT = "We have sent you a link. Open it to confirm your email."


def sign_up(email: str, password: str, name: str) -> Say | Go:
    """Make the account, and log in with it unless its owner has to open an email first."""
    auth, client = visit().auth, visit().client
    if auth.settings.require_verified_email:
        sign_up_by_email(auth, email, password, name, client)
        return Say("We have sent you a link to:", value=email.strip(), emailed=True, inbox=True)
    made = auth.sign_up(email, password, name, client)
    notice = SENT if any(each.after_sign_up for each in auth.features) else ""
    return second_step.log_in_owner(made.id, "Your account is ready.", notice)


CLOSED = {
    "invited": "New accounts are by invitation only. If you were invited, open the emailed link.",
    "closed": "New accounts can't be made here at the moment.",
}

if said := sent("sign_up"):
    inbox_page("sign_up", said)
elif closed := CLOSED.get(visit().auth.settings.sign_up):
    with form_page("Sign up", closed) as below:
        aside(below, "log_in", "Log in", "Have an account?")
else:
    with form_page(f"Sign up for {as_text(visit().auth.settings.app_name)}") as below:
        form = Form("sign_up")
        with form:
            name = st.text_input("Name", autocomplete="name", placeholder="Optional")
            form.errors("name")
            email = st.text_input("Email", type="email", autocomplete="username", validate="")
            form.errors("email")
            password = new_password(form)
            form.button("Sign up")
        aside(below, "log_in", "Log in", "Have an account?")
    form.submit(sign_up, email, password, name)
