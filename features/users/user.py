"""One user: details, roles, sessions, recent activity, and what an admin may change."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from auth import administration
from auth.browsers import browser_in_words
from auth.members import Member
from auth.roles import Role, roles_in_words
from auth.sessions import Session
from features.users import rules, words
from web.details import row, section, show_ago, show_details
from web.form import Form, go, link
from web.look import as_text
from web.step_up import ask_password, recently_authenticated
from web.tab import Go, tab, visit
from web.words import event_in_words

auth, session = visit().auth, visit().session
user_id = st.query_params.get("id", "")
found = rules.read_user(auth, session, user_id)
may_change = recently_authenticated()


def act(name: str, label: str, verb: Callable[[], object], *, place: str = "") -> None:
    """Draw the button of a change; afterwards the page starts again with a notice.

    Two buttons that replace each other share a *place*, so that a double click undoes nothing.
    """

    def run() -> Go:
        verb()
        return Go("users" if name == "delete" else "", words.DONE[name])

    form = Form(f"user_{place or name}_{user_id[:8]}")
    form.button(label, kind="secondary", width="content")
    form.submit(run)


def show_roles(roles: frozenset[Role]) -> None:
    """Draw each role, given or not."""
    with section("Roles"):
        for role in Role:
            with row(roles_in_words([role])):
                has = role in roles
                st.text("Yes" if has else "No")
                if may_change:
                    verb = administration.revoke if has else administration.grant
                    name = "revoke" if has else "grant"
                    act(
                        name,
                        name.capitalize(),
                        partial(verb, auth, user_id, role, session),
                        place=f"role_{role.value}",
                    )


def show_sessions(sessions: list[Session]) -> None:
    """Draw the open sessions; one that was just ended keeps its place, as on "Your devices"."""
    alive = {each.id for each in sessions}
    listed: dict[str, Session] = st.session_state.setdefault(f"sessions_{user_id}", {})
    listed |= {each.id: each for each in sessions}
    with section("Sessions"):
        for each in listed.values():
            with st.container(horizontal=True, key=f"device_{each.id[:8]}"):
                with st.container(gap=None, key=f"device_text_{each.id[:8]}"):
                    st.text(browser_in_words(each.user_agent))
                    place = f" · {each.ip}" if each.ip else ""
                    show_ago(each.last_seen_at, auth.now(), before="Last seen ", after=place)
                if each.id not in alive:
                    st.caption("Ended", width="content")
                elif may_change:
                    act(
                        "end",
                        "End",
                        partial(rules.end_one_session, auth, user_id, each.id, session),
                        place=f"end_{each.id[:8]}",
                    )
        if not listed:
            st.caption(words.NO_SESSION)


def show_events(found: rules.Details) -> None:
    """Draw the latest events."""
    with section("Activity"):
        for number, entry in enumerate(found.events):
            with st.container(gap=None, key=f"event_{number}"):
                st.text(event_in_words(entry.event))
                show_ago(entry.at, auth.now(), after=f" · {entry.ip}" if entry.ip else "")
        if not found.events:
            st.caption(words.NO_EVENT.format(days=rules.SHOWN_DAYS))


def show_changes(user: Member) -> None:
    """Draw what an admin may do to the account."""
    with section("Account"):
        with row("Password"):
            st.text(words.RESET)
            act("reset", "Send a link", partial(rules.send_reset, auth, user_id, session))
        with row("Log-in"):
            st.text("Allowed" if user.is_active else "Disabled")
            name = "disable" if user.is_active else "enable"
            verb = administration.disable if user.is_active else administration.enable
            act(name, name.capitalize(), partial(verb, auth, user_id, session), place="log_in")
        with row("Delete"):
            st.text(words.DELETE)
            sure = st.checkbox("I'm sure")
        if sure:
            with st.container(key="danger"):
                deletion = partial(administration.delete_account, auth, user_id, session)
                act("delete", "Delete the account", deletion)


if found is None:
    if tab().notice:
        tab().shown = None  # the notice is still to be shown
        go("users")
    st.title("User")
    st.info(words.NO_SUCH_USER)
else:
    user = found.user
    st.title(as_text(user.name or user.email), anchor=False)
    confirmed = "" if user.verified_at else " (not confirmed)"
    show_details("Profile", {"Name": user.name, "Email": user.email + confirmed})
    if not may_change:
        ask_password("To change this account")
    show_roles(user.roles)
    if may_change:
        show_changes(user)
    show_sessions(found.sessions)
    show_events(found)
link("users", "All users", ":material/arrow_back:")
