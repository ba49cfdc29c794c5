"""Account: who I am here, since when, and this session."""

import streamlit as st

user = st.session_state["user"]

st.title("Account")
st.text(user.email)
