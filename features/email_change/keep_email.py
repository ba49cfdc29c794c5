"""Keep email: opened by the link to the old email, for an owner who didn't ask for a change."""

import streamlit as st

from auth.errors import LinkRefused
from features.email_change import rules, words
from web.form import Form, aside, form_page, link_token
from web.tab import Go, visit
from web.words import NO_LINK

token = link_token()
email = rules.email_to_keep(visit().auth, token)


def keep_email() -> Go:
    """Undo the change; this may log out this browser too."""
    rules.keep_email(visit().auth, token, visit().client)
    return Go("log_in", words.KEPT)


with form_page("Keep your old email") as below:
    form = Form("keep_email")
    if email or form.answered:
        st.text(email or "", width="stretch", text_alignment="center")
        st.text(words.NOT_YOU)
        form.button("Keep my old email")
        form.submit(keep_email)
    elif token:
        st.error(LinkRefused().message)
    else:
        st.info(NO_LINK)
    aside(below, "log_in", "Go to log in")
