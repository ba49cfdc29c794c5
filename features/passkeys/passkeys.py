"""Passkeys: the user's own, with forms to add, rename and remove them."""

import streamlit as st

from auth.step_up import has_password
from features.passkeys import rules, words
from features.passkeys.buttons import ADD_CEREMONY, UNKNOWN, show_add
from features.passkeys.ceremony import Ceremony, unsupported_reason
from web.details import show_ago
from web.form import Form, link
from web.guard import adopt_token
from web.step_up import ask_password, recently_authenticated
from web.tab import Go, visit

auth, session, client = visit().auth, visit().session, visit().client


def add(ceremony: Ceremony, answer: str, remember: bool) -> Go:
    """Store the new passkey; this session continues under a new token."""
    adopt_token(rules.add(auth, session, ceremony, answer, client))
    return Go("passkeys", words.ADDED)


def remove(passkey: str) -> Go:
    """Remove one, on the device too if its browser can; this session continues."""
    adopt_token(rules.remove(auth, session, passkey))
    st.session_state[UNKNOWN] = passkey
    st.session_state.pop(ADD_CEREMONY, None)  # which excludes it
    return Go("passkeys", words.REMOVED)


def rename(passkey: str, name: str) -> Go:
    """Rename a passkey."""
    rules.rename(auth, session, passkey, name)
    return Go("passkeys", words.RENAMED)


def remove_password() -> Go:
    """Leave the passkeys as the only way in."""
    adopt_token(rules.remove_password(auth, session, client))
    return Go("passkeys", words.PASSWORD_REMOVED)


def show(passkey: rules.ListedPasskey) -> None:
    """Draw one passkey."""
    key = passkey.id[:8]
    with st.container(border=True, horizontal=True, key=f"device_{key}"):
        st.markdown(":material/passkey:", width="content")
        with st.container(gap=None, key=f"device_text_{key}"):
            st.text(passkey.name + (" (synced)" if passkey.synced else ""))
            used = passkey.last_used_at
            show_ago(used or passkey.created_at, auth.now(), before="Used " if used else "Added ")
        if may_change:
            with st.popover("Change"):
                naming, removing = Form(f"rename_{key}"), Form(f"remove_{key}")
                with naming:
                    name = st.text_input("Name", value=passkey.name, autocomplete="off")
                    naming.errors("name")
                    naming.button("Save", kind="secondary")
                naming.submit(rename, passkey.id, name)
                removing.button("Remove", kind="secondary")
                removing.submit(remove, passkey.id)


may_change = recently_authenticated()
passkeys = rules.list_passkeys(auth, session)
st.title(words.TITLE, anchor=False)
st.caption(words.WHAT)
for each in passkeys:
    show(each)
if not passkeys:
    st.text(words.NONE_YET)
if unsupported_reason(auth.settings):
    st.info(words.NOT_HERE)
elif may_change:
    if rules.may_add(auth, session):
        show_add(words.ADD, add)
    else:
        st.caption(words.CodeFirst.message)
    if passkeys and has_password(auth, session):
        st.caption(words.DO_WITHOUT if session.by_passkey else words.DO_WITHOUT_LATER)
        if session.by_passkey:
            form = Form("remove_password")
            form.button(words.REMOVE_PASSWORD, kind="secondary")
            form.submit(remove_password)
else:
    ask_password(words.STEP_UP)
link("account", "Back to your account")
