"""Delete account: asks for the password, or a passkey, again, then deletes all personal data."""

import streamlit as st

from auth.step_up import has_password
from features.personal_data import rules, words
from web.form import Form, aside, form_page
from web.guard import sign_out_locally
from web.step_up import ask_passkey, current_password, recently_authenticated
from web.tab import Go, visit


def delete_account(password: str) -> Go:
    """Delete the account of the signed-in user."""
    rules.delete_account(visit().auth, visit().session, password, visit().client)
    return sign_out_locally(words.DELETED)


with form_page("Delete your account") as below:
    form = Form("delete_account")
    st.text(words.WARNING)
    known = has_password(visit().auth, visit().session)
    if known or recently_authenticated():
        with form:
            password = current_password(form) if known else ""
            with st.container(key="danger"):
                form.button("Delete my account")
        form.submit(delete_account, password)
    else:
        ask_passkey("To delete your account")
    aside(below, "account", "Back to your account")
