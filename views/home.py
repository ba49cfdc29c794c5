"""Home: the first page of a signed-in user, and the one to make your own first."""

import streamlit as st

from web.form import link
from web.tab import draw, visit

user = st.session_state["user"]

st.title("Home")
st.text(f"Hello {user.name}!" if user.name else "Hello!")

# For the developer: it isn't shown with APP_ENV=production.
if not visit().auth.settings.production and not st.session_state.get("start_dismissed"):
    with st.container(border=True, key="start"):
        st.header("This page is yours", anchor=False)
        st.markdown(
            """
            - It is the file `views/home.py`: change it, save it, and press F5.
            - A new page is one more file in `views/` and one line in `app.py`.
            - `st.session_state["user"]` tells every page who is signed in.
            - `docs/recipes.md` has the next steps: a column, your colours, PostgreSQL.
            """
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            link("outbox", "See the emails sent so far", icon=":material/mail:")
            if st.button("Dismiss", type="tertiary"):
                st.session_state["start_dismissed"] = True
                st.rerun()

draw("home", "show_home")
