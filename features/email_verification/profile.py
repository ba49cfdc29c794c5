"""Below the profile: a notice that the email is not confirmed yet, with another link."""

import streamlit as st

from features.email_verification import rules, words
from web.form import Form
from web.tab import Say, visit


def resend_link() -> Say:
    """Send the link again."""
    rules.resend_link(visit().auth, visit().session)
    return Say(words.SENT, emailed=True)


def show_profile() -> None:
    """Draw the notice, unless the email is confirmed."""
    if visit().session.user.verified_at:
        return
    form = Form("resend_link")
    with st.container(border=True, horizontal=True, key="email_unconfirmed"):
        with st.container(gap=None, key="email_text_unconfirmed"):
            st.text(words.NOT_CONFIRMED)
            st.caption(words.OPEN_LINK)
        form.button("Send the link again", kind="secondary", width="content")
    form.submit(resend_link)
