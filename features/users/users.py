"""Users: find one by the beginning of an email; each leads to their own page."""

import streamlit as st

from auth.members import Member, Only
from auth.roles import Role, in_words
from features.users import rules
from web.form import link
from web.look import as_text
from web.pager import Pager
from web.tab import tab, visit

FILTERS = {
    None: "All",
    Only.UNVERIFIED: "Not confirmed",
    Only.DISABLED: "Disabled",
}


def show_user(user: Member) -> None:
    """Draw one user as a line."""
    states = [in_words(user.roles)] if user.roles else []
    states += [] if user.verified_at else ["not confirmed"]
    states += [] if user.is_active else ["disabled"]
    with st.container(gap=None, key=f"event_{user.id}"):
        st.page_link(tab().pages["user"], label=as_text(user.email), query_params={"id": user.id})
        st.caption(" · ".join([*([as_text(user.name)] if user.name else []), *states]))


st.title("Users")
filters = [None, *Role, *Only]
with st.container(horizontal=True, vertical_alignment="bottom", key="search"):
    text = st.text_input("Email", placeholder="Or its beginning")
    only = st.selectbox(
        "Show",
        filters,
        format_func=lambda each: in_words([each]) if each in list(Role) else FILTERS[each],
        width=180,
    )
pager = Pager("users", (text, only))
found = rules.list_users(visit().auth, visit().session, text, only, pager.cursor or "")
for user in found[: rules.PAGE]:
    show_user(user)
if not found:
    st.caption("No user matches.")
pager.show(found[rules.PAGE - 1].email if len(found) > rules.PAGE else None)
link("invitations", "Invitations", ":material/outgoing_mail:")
