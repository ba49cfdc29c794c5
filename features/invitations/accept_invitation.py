"""Accept an invitation: opened by the emailed link; only the button makes the account (RS-4)."""

import streamlit as st

from features.invitations import rules, words
from features.invitations.rules import State
from web import second_step
from web.form import Form, aside, form_page, link_token
from web.password import new_password
from web.tab import Go, tab, visit
from web.words import NO_LINK

SIGNED_OUT = {State.EXPIRED: words.EXPIRED, State.HAS_ACCOUNT: words.HAS_ACCOUNT}
SIGNED_IN = {
    State.EXPIRED: words.EXPIRED,
    State.HAS_ACCOUNT: words.ACCEPTED,
    State.GOOD: words.NOT_YOURS,
}

token = link_token()
form = Form("accept_invitation")
found = rules.look_at_invitation(visit().auth, token) if token else None
user = st.session_state["user"]


def accept(name: str, password: str) -> Go:
    """Make the account, and log in with it."""
    auth, client = visit().auth, visit().client
    made = rules.accept(auth, token, name, password, client)
    tab().link_token = None
    return second_step.log_in_owner(made.id, words.READY)


def show_form(email: str) -> None:
    """Draw the form that makes the account for *email*."""
    st.text(email, width="stretch", text_alignment="center")
    with form:
        name = st.text_input("Name", autocomplete="name", placeholder="Optional")
        form.errors("name")
        password = new_password(form)
        form.button("Make my account")
    form.submit(accept, name, password)


with form_page("Accept your invitation") as below:
    closed = visit().auth.settings.sign_up == "closed"
    if form.answered or (found and found.state is State.GOOD and not user and not closed):
        show_form(found.email if found else "")
    elif found is None:
        st.info(words.VOID if token else NO_LINK)
    elif user:
        st.info(SIGNED_IN[found.state])
    else:
        st.info(words.NOT_NOW if closed else SIGNED_OUT[found.state])
        if found.state is State.HAS_ACCOUNT:
            st.text(found.email, width="stretch", text_alignment="center")
    if not user:
        aside(below, "log_in", "Go to log in")
