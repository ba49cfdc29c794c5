"""Outbox: in development, the emails that would have been sent, with their links."""

import streamlit as st

from db.models import utc_now
from web import outbox
from web.details import show_ago
from web.form import link

st.title("Outbox")
st.caption("In development, emails are kept in `data/outbox/`. Set `SMTP_URL` to send them.")
emails = outbox.latest() if outbox.is_open() else []
if not emails:
    st.info("Nothing here yet. Sign up, or ask for a new password.")
for number, email in enumerate(emails):
    with st.container(border=True, horizontal=True, key=f"email_{number}"):
        with st.container(gap=None, key=f"email_text_{number}"):
            st.text(email.subject)
            show_ago(email.at, utc_now(), before=f"To {email.to} · ")
        if email.link:
            st.link_button("Open the link", email.link)
if not st.session_state["logged_in"]:
    link("log_in", "Go to log in")
