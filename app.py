"""The app: settle who is here, then run the page they asked for."""

import streamlit as st

from web.guard import guard
from web.navigation import hidden, navigation, run

st.set_page_config(page_icon="🔑")  # drawn here: a Material icon would be fetched from afar
guard()

# A new page is a file in views/ and a line here. What is private only signed-in users can open;
# what is hidden is not in the menu, other pages link to it.
page = navigation(
    private=[
        st.Page("views/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("views/account.py", title="Account", icon=":material/person:"),
        st.Page("views/devices.py", title="Your devices", icon=":material/devices:"),
        hidden("change_name"),
        hidden("change_email"),
        hidden("change_password"),
        hidden("delete_account"),
    ],
    public=[
        hidden("log_in"),
        hidden("sign_up"),
        hidden("forgot_password"),
        hidden("reset_password"),
        hidden("verify_email"),
        hidden("keep_email"),
    ],
)
run(page)
