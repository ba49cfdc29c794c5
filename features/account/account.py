"""Account: who the user is here, followed by the card of every feature that has one."""

from importlib import import_module

import streamlit as st

from web.dates import day
from web.details import show_details
from web.form import link
from web.tab import visit

user = visit().session.user

st.title("Account")
you = {"Name": user.name, "Email": user.email, "Member since": day(user.created_at)}
with show_details("You", you):
    link("change_name", "Change your name", ":material/badge:")
    link("change_email", "Change your email", ":material/mail:")
    link("change_password", "Change your password", ":material/key:")

for feature in visit().auth.features:
    if feature.has_card:
        import_module(f"features.{feature.name}.card").show_card()
