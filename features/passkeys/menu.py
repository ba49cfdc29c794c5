"""The offer of a passkey, in the menu."""

import streamlit as st

from features.passkeys import rules, words
from web.form import link
from web.tab import visit


def show_menu() -> None:
    """Offer a passkey in the sidebar, once, to a user who has logged in with a password."""
    held, key = st.session_state, "passkey_offer"
    if key not in held:
        held[key] = rules.offer_once(visit().auth, visit().session)
    if held[key]:
        with st.container(border=True, key=key):
            st.caption(words.OFFER)
            link("passkeys", words.ADD)
            if st.button("Not now", type="tertiary"):
                held[key] = False
                st.rerun()
