"""What stands there while nobody can be let in: the database or the settings cannot be used."""

import streamlit as st

from auth.errors import Unavailable

st.title("Back in a moment")
st.text(Unavailable.message)
st.button("Try again", type="primary")
