"""Account: the user's profile and password, and the cards of the features."""

import streamlit as st

from auth.step_up import has_password
from web.details import change_link, day, row, section, show_details
from web.tab import draw, visit

user = visit().session.user

st.title("Account")
you = {"Name": user.name, "Email": user.email, "Member since": day(user.created_at)}
change = {"Name": "change_name", "Email": "change_email"}
show_details("Profile", you, change=change)
draw("profile", "show_profile")
with section("Password"), row("Password"):
    known = has_password(visit().auth, visit().session)
    st.text("••••••••••••" if known else "None")
    change_link("change_password", "your password", verb="Change" if known else "Choose")

draw("card", "show_card")
