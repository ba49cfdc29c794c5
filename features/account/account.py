"""Account: the user's details, followed by the card of every feature that has one."""

from importlib import import_module

import streamlit as st

from web.dates import day
from web.details import change_link, row, section, show_details
from web.tab import visit

user = visit().session.user

st.title("Account")
you = {"Name": user.name, "Email": user.email, "Member since": day(user.created_at)}
change = {"Name": "change_name", "Email": "change_email"}
show_details("Profile", you, change=change)
with section("Password"), row("Password"):
    st.text("••••••••••••")
    change_link("change_password", "your password")

for feature in visit().auth.features:
    if feature.has_card:
        import_module(f"features.{feature.name}.card").show_card()
