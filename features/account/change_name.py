"""Change name: the name that the app shows for this user."""

import streamlit as st

from features.account import rules, words
from web.form import Form, aside, form_page
from web.tab import Go, Say, visit


def change_name(name: str) -> Go | Say:
    """Store the name."""
    if not rules.change_name(visit().auth, visit().session, name):
        return Say(words.NAME_UNCHANGED, done=False)
    return Go("account", words.NAME_CHANGED)


with form_page("Change your name") as below:
    form = Form("change_name")
    with form:
        name = st.text_input("Name", value=visit().session.user.name, autocomplete="name")
        form.errors("name")
        form.button("Save")
    aside(below, "account", "Back to your account")

form.submit(change_name, name)
