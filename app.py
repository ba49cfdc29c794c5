"""The app: identify the user, then run the page they asked for."""

import streamlit as st

from features import FEATURES
from web.guard import guard
from web.look import dress
from web.navigation import hidden, navigation, run

dress()
guard()

# A new page is a file in views/ and a line here. Only signed-in users can open a private page, and
# `only={Role.ADMIN: [...]}` lists pages for a role; a hidden one is not in the menu. Features add
# pages of their own, such as the account page.
page = navigation(
    private=[
        st.Page("views/home.py", title="Home", icon=":material/home:", default=True),
    ],
    public=[
        hidden("log_in"),
        hidden("sign_up"),
    ],
    features=FEATURES,
)
run(page)
