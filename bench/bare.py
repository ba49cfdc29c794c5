"""The bare page used for comparison: the elements of our home page for a new user, and no accounts.

With fewer of them the ratios would tell what a form costs. A test compares the two.
"""

import streamlit as st

st.title("Home")
st.text("Hello!")

with st.container(border=True):
    st.header("This page is bare", anchor=False)
    st.markdown("- It says `something` about a file, in a line of that length.\n" * 4)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link("https://example.com", label="Another page", icon=":material/mail:")
        st.button("Dismiss", type="tertiary")

st.header("Your journal", anchor=False)
st.caption("An example of data that belongs to its user.")
with st.form("add_entry"), st.container(horizontal=True, vertical_alignment="bottom"):
    st.text_input("What did you do today?", width="stretch")
    st.number_input("Minutes", 1, 24 * 60, 30, 15, width=130)
    st.form_submit_button("Add", type="primary", width="content")
st.caption("Nothing here yet. Your first entry appears with a chart of your days.")
