"""The bare page everything is compared with: Streamlit's least, under the heading of our home."""

import streamlit as st

st.title("Home")
st.text("Hello!")
