"""Home: the first page of a signed-in user, and the one to make your own first."""

import streamlit as st

user = st.session_state["user"]

st.title("Home")
st.text(f"Hello {user.name}!" if user.name else "Hello!")

with st.container(border=True):
    st.subheader("This page is yours", anchor=False)
    st.markdown(
        """
        - It is the file `views/home.py`: change it, save it, and press F5.
        - A new page is one more file in `views/` and one line in `app.py`.
        - `st.session_state["user"]` tells every page who is signed in.
        """
    )
