"""Change name: how the app calls this user."""

import streamlit as st

from web.form import Form
from web.links import link
from web.start import service
from web.tab import Go, tab


def change_name(name: str) -> Go:
    """Store the name."""
    service().change_name(tab().token, name)
    return Go("account", "Your name has been changed.")


form = Form("change_name", page="Change your name")
with form:
    name = st.text_input("Name", value=st.session_state["user"].name, autocomplete="name")
    form.errors("name")
    form.button("Save")
link("account", "Back to your account")

form.submit(change_name, name)
