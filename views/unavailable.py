"""Shown while the database or the settings are unusable."""

import streamlit as st

from web.look import card

TEXT = "We can't reach the accounts right now. None of your data is lost."

with card("Back in a moment", TEXT) as below:
    st.button("Try again", type="primary", width="stretch")
    below.container(key="unseen").empty()  # the last part: the card is complete
