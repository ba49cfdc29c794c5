"""Shown while the database or the settings are unusable."""

import streamlit as st

from web.look import card

with card("Back in a moment", "We can't reach the accounts right now. None of your data is lost."):
    st.button("Try again", type="primary", width="stretch")
