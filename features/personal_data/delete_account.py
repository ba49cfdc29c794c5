"""Delete account: asks for the password again, then deletes all personal data."""

import streamlit as st

from features.personal_data import rules
from web.form import CURRENT, Form, aside, form_page
from web.guard import sign_out_locally
from web.tab import Go, visit


def delete_account(password: str) -> Go:
    """Delete the account of the signed-in user."""
    rules.delete_account(visit().auth, visit().session, password, visit().client)
    return sign_out_locally("Your account has been deleted.")


with form_page("Delete your account") as below:
    form = Form("delete_account")
    st.text(
        "This deletes your account, your sessions and all your personal data at once. "
        "It can't be undone."
    )
    with form:
        password = st.text_input("Password", type="password", autocomplete="current-password")
        form.errors(CURRENT)
        with st.container(key="danger"):
            form.button("Delete my account")
    aside(below, "account", "Back to your account")

form.submit(delete_account, password)
