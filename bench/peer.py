"""streamlit-authenticator's page, as in its README, with our home page's heading."""

import streamlit as st
import streamlit_authenticator as stauth

USERS = {
    "usernames": {
        f"user{number}": {
            "email": f"user{number}@bench.example.org",
            "name": f"User {number}",
            "password": "$2b$12$2iPrA6vtLL2zLbc69VMPceFuB8Rgcc8kQBh34D3pYPyQdqtqDVKpu",
        }
        for number in range(20)
    }
}

authenticator = stauth.Authenticate(
    USERS, "bench_peer", "a key of thirty-two bytes or more", 30, auto_hash=False
)
authenticator.login()
if st.session_state["authentication_status"]:
    authenticator.logout()
    st.title("Home")
    st.text(f"Hello {st.session_state['name']}!")
    st.text(st.session_state["email"])
