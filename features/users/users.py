"""Users: find one by the beginning of an email; each leads to their own page."""

from collections.abc import Sequence

import streamlit as st

from auth.feature import Invitee
from auth.members import Member, Only
from auth.roles import Role, roles_in_words
from features.users import rules, words
from web.details import show_ago
from web.form import link
from web.look import as_text
from web.pager import Pager
from web.tab import tab, visit

INVITED = "invited"
FILTERS = {
    None: "All",
    INVITED: "Invited",
    Only.UNVERIFIED: "Not confirmed",
    Only.DISABLED: "Disabled",
}
auth, session = visit().auth, visit().session


def show_user(user: Member | Invitee) -> None:
    """Draw one user as a line, or someone who has only an invitation."""
    with st.container(gap=None, key=f"event_{user.email}"):
        if isinstance(user, Invitee):
            st.text(user.email)
            show_ago(user.sent_at, auth.now(), before="Invited ")
            return
        st.page_link(tab().pages["user"], label=as_text(user.email), query_params={"id": user.id})
        states = [roles_in_words(user.roles)] if user.roles else []
        states += [] if user.verified_at else ["not confirmed"]
        states += [] if user.is_active else ["disabled"]
        st.caption(" · ".join([*([as_text(user.name)] if user.name else []), *states]))


st.title("Users")
invited = next((each.invited for each in auth.features if each.invited), None)
filters = [None, *Role, *([INVITED] if invited else []), *Only]
with st.container(horizontal=True, vertical_alignment="bottom", key="search"):
    text = st.text_input("Email", placeholder="Or its beginning")
    only = st.selectbox(
        "Show",
        filters,
        format_func=lambda each: roles_in_words([each]) if each in list(Role) else FILTERS[each],
        width=180,
    )
pager = Pager("users", (text, only))
found: Sequence[Member | Invitee] = (
    invited(auth, session, text, pager.cursor or "")
    if only == INVITED and invited
    else rules.list_users(auth, session, text, only, pager.cursor or "")
)
for user in found[: rules.PAGE]:
    show_user(user)
if not found:
    st.caption(words.NONE_FOUND)
pager.show(found[rules.PAGE - 1].email if len(found) > rules.PAGE else None)
link("invitations", "Invitations", ":material/outgoing_mail:")
