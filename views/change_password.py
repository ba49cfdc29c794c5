"""Change password: the current one is needed, and every other device is logged out."""

import streamlit as st

from auth.password_rules import ADVICE
from web.form import CURRENT, Form
from web.guard import adopt_token, client
from web.links import link
from web.start import service
from web.tab import Go, tab


def change_password(current: str, new: str) -> Go:
    """Store the new password; this session goes on under a new token."""
    adopt_token(service().change_password(tab().token, current, new, client()))
    return Go("account", "Your password has been changed, and your other devices are logged out.")


form = Form("change_password", page="Change your password")
with form:
    current = st.text_input("Current password", type="password", autocomplete="current-password")
    form.errors(CURRENT)
    new = st.text_input("New password", type="password", autocomplete="new-password")
    form.errors("password")
    st.caption(f"At least {service().settings.password_min_length} characters. {ADVICE}")
    form.button("Change my password")
link("account", "Back to your account")

form.submit(change_password, current, new)
