"""The app: settle who is here, then run the page they asked for."""

import streamlit as st

from web.guard import guard
from web.navigation import navigation, run

st.set_page_config(page_icon="🔑")  # drawn here: a Material icon would be fetched from afar
guard()

# A new page is a file in views/ and a line here. What is private only signed-in users can open.
page = navigation(
    private=[
        st.Page("views/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("views/account.py", title="Account", icon=":material/person:"),
        st.Page("views/devices.py", title="Your devices", icon=":material/devices:"),
    ],
    public=[
        st.Page("views/log_in.py", title="Log in", url_path="log-in", visibility="hidden"),
        st.Page("views/sign_up.py", title="Sign up", url_path="sign-up", visibility="hidden"),
    ],
)
run(page)
