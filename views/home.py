"""Home: the first page of a signed-in user, and the one to replace first."""

import streamlit as st

user = st.session_state["user"]

st.title("Home")
st.text(f"Hello {user.name or user.email}")
