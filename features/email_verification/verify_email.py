"""Verify email: opened by the emailed link; only the button confirms (RS-4)."""

import streamlit as st

from auth.errors import AuthError, LinkRefused
from features.email_verification import rules, words
from web import second_step
from web.form import Form, aside, form_page, go_home, link_token, was_answered
from web.step_up import current_password
from web.tab import Go, Say, tab, visit
from web.words import NO_LINK


def confirm_email(password: str | None) -> Say | Go:
    """Confirm the link's email, and log in with the password just typed."""
    auth, client = visit().auth, visit().client
    account = rules.confirm_email(auth, token, client, password, visit().resolved)
    if password is None:
        tab().link_token = None
        return Go("account", words.THANKS)
    if st.session_state["logged_in"]:  # in to another account
        return Say(words.THANKS_FOR, value=account.email)
    tab().link_token = None
    return second_step.log_in_owner(account.id, words.THANKS, words.THANKS, account.auth_version)


token = link_token()
found = rules.look_at_confirmation(visit().auth, token, visit().resolved)
outcome: Say | AuthError | None = None
if st.session_state["logged_in"] and not token and not was_answered("verify_email_signed_in"):
    tab().shown = None  # the notice goes along
    go_home()
with form_page("Confirm your email") as below:
    by_password = Form("verify_email")
    by_session = Form("verify_email_signed_in")
    if found:
        st.text(found.email, width="stretch", text_alignment="center")

    if by_password.answered or (found and found.needs_password):
        with by_password:
            password = current_password(by_password)
            st.caption(words.WHY_PASSWORD)
            by_password.button("Confirm my email")
        if found and found.may_choose_password:
            aside(below, "reset_password", "Forgot it? Choose a new one")
        outcome = by_password.submit(confirm_email, password)
    elif by_session.answered or found:
        by_session.button("Confirm my email")
        outcome = by_session.submit(confirm_email, None)
    elif token:
        outcome = LinkRefused()
        st.error(outcome.message)
    else:
        st.info(NO_LINK)

    if st.session_state["logged_in"]:
        aside(below, "account", "Go to your account")
    else:
        if isinstance(outcome, LinkRefused):
            # A reset link confirms the email too: reading it shows that the email is theirs.
            aside(below, "forgot_password", "Ask for a new link")
        aside(below, "log_in", "Go to log in")
