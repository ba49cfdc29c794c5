"""The bare page used for comparison: a minimal Streamlit app with our home page's heading."""

import streamlit as st

st.title("Home")
st.text("Hello!")
