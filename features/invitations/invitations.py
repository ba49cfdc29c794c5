"""Invitations: an admin invites by email and sees who was invited, by whom, and who accepted."""

import streamlit as st

from auth.roles import Role, roles_in_words
from features.invitations import rules, words
from features.invitations.rules import SentInvitation
from web.details import show_ago
from web.form import Form
from web.look import as_text
from web.pager import Pager
from web.step_up import ask_password, recently_authenticated
from web.tab import Go, Say, visit

auth, session = visit().auth, visit().session
may_change = recently_authenticated()


def invite(email: str, roles: list[Role], note: str) -> Say:
    """Send an invitation."""
    rules.invite(auth, email, roles, note, session)
    return Say(words.SENT, value=email.strip(), emailed=True)


def resend(invitation_id: int) -> Go:
    """Send an invitation again."""
    rules.resend(auth, invitation_id, session)
    return Go(notice=words.SENT_AGAIN)


def revoke(invitation_id: int) -> Go:
    """Void an invitation."""
    rules.revoke(auth, invitation_id, session)
    return Go(notice=words.REVOKED)


def show_form() -> None:
    """Draw the form that invites."""
    form = Form("invite")
    with form:
        email = st.text_input("Email", type="email", autocomplete="off", validate="")
        form.errors("email")
        note = st.text_input("Note", placeholder="Optional: a line for the email")
        form.errors("note")
        given = [role for role in Role if st.checkbox(f"Role: {roles_in_words([role])}")]
        form.button("Send the invitation", width="content")
    form.submit(invite, email, given, note)


def show_invitation(sent: SentInvitation) -> None:
    """Draw one invitation, with its buttons if it has not been accepted yet."""
    now = auth.now()
    with st.container(border=True, horizontal=True, key=f"device_{sent.id}"):
        with st.container(gap=None, key=f"device_text_{sent.id}"):
            st.text(sent.email + (f" ({roles_in_words(sent.roles)})" if sent.roles else ""))
            by = (sent.by or "a deleted account") if sent.by_id else "an operator"
            show_ago(sent.sent_at, now, before=f"Invited by {by} · ")
            if sent.note:
                st.caption(as_text(sent.note))
        if sent.accepted_at:
            st.caption("Accepted", width="content")
            return
        again, void = Form(f"resend_{sent.id}"), Form(f"revoke_{sent.id}")
        if may_change:
            again.button("Resend", kind="secondary", width="content")
        if sent.revoked_at or now >= sent.expires_at:
            st.caption("Revoked" if sent.revoked_at else "Expired", width="content")
        elif may_change:
            void.button("Revoke", kind="secondary", width="content")
        again.submit(resend, sent.id)
        void.submit(revoke, sent.id)


st.title("Invitations")
if auth.settings.sign_up == "closed":
    st.info(words.CLOSED)
elif may_change:
    show_form()
else:
    ask_password("To invite people")
pager = Pager("invitations")
listed = rules.list_invitations(auth, session, pager.cursor)
for sent in listed[: rules.PAGE]:
    show_invitation(sent)
if not listed:
    st.caption(words.NONE_YET)
pager.show(listed[rules.PAGE - 1].id if len(listed) > rules.PAGE else None)
