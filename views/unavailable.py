"""Shown while the database or the settings are unusable."""

import streamlit as st

st.title("Back in a moment")
st.text("We can't reach the accounts right now. None of your data is lost.")
st.button("Try again", type="primary")
