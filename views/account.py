"""Account: who I am here, what I can change, what happened, and what is kept of me."""

import json

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth.browsers import browser_in_words
from db.types import utc_now
from web.activity import show_activity
from web.form import Form
from web.links import link
from web.moments import day, moment
from web.start import service
from web.tab import Say, tab

user = st.session_state["user"]
token = tab().token
session = service().session(token, trusted=True)


def show_details(title: str, details: dict[str, str]) -> DeltaGenerator:
    """Draw and return a card of *details*: what users typed is text there, never markup."""
    card = st.container(border=True)
    with card:
        st.subheader(title, anchor=False)
        for label, value in details.items():
            left, right = st.columns([1, 2], gap="xxsmall")
            left.caption(label)
            right.text(value or "–")
    return card


def my_data() -> str:
    """Return the download: made at the click, outside any run, while the session is alive."""
    return json.dumps(service().my_data(token), indent=2, ensure_ascii=False)


def resend_link() -> Say:
    """Send the link once more."""
    service().resend_link(token)
    return Say("We have sent you a link. Open it to confirm your email.", emailed=True)


st.title("Account")
you = {"Name": user.name, "Email": user.email, "Member since": day(user.created_at)}
with show_details("You", you):
    link("change_name", "Change your name", ":material/badge:")
    link("change_email", "Change your email", ":material/mail:")
    link("change_password", "Change your password", ":material/key:")
if pending := service().pending_email(token):
    show_details("Waiting for your confirmation", {"New email": pending})
if not user.verified_at:
    st.info("Your email is not confirmed yet. Open the link in the email we sent you.")
    form = Form("resend_link")
    form.button("Send the link again", kind="secondary", width="content")
    form.submit(resend_link)

if session:
    show_details(
        "This session",
        {
            "Logged in": moment(session.created_at),
            "Ends at the latest": moment(session.expires_at),
            "Browser": browser_in_words(session.agent),
        }
        | ({"IP": session.address} if session.address else {}),
    )
with st.container(border=True):
    st.subheader("Recent activity", anchor=False)
    show_activity(service().activity(token), utc_now())
with st.container(border=True):
    st.subheader("Your data", anchor=False)
    st.download_button(
        "Download my data",
        data=my_data,
        file_name="my-data.json",
        mime="application/json",
        on_click="ignore",
    )
    link("delete_account", "Delete your account", ":material/delete:")
