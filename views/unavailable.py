"""What stands there while nobody can be let in: the database or the settings cannot be used."""

import streamlit as st

st.title("Back in a moment")
st.text("We cannot reach the accounts right now. Nothing of yours is lost.")
st.button("Try again", type="primary")
