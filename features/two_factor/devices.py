"""The devices that aren't asked for a code, on the page of the user's devices."""

import streamlit as st

from auth.browsers import browser_in_words
from features.two_factor import rules, words
from web.details import day
from web.form import Form
from web.tab import Go, visit


def show_devices() -> None:
    """Draw them, each with the button that ends it; nothing where there is none."""
    found = rules.trusted_devices(visit().auth, visit().session)
    if found:
        st.header(words.TRUSTED, anchor=False)
    for device in found:
        form = Form(f"end_trust_{device.id[:8]}")
        with st.container(border=True, horizontal=True, key=f"device_{device.id[:8]}"):
            with st.container(gap=None, key=f"device_text_{device.id[:8]}"):
                st.text(browser_in_words(device.user_agent))
                st.caption(f"Until {day(device.expires_at)}")
            form.button("Ask again", kind="secondary", width="content")
        form.submit(_end_trust, device.id)


def _end_trust(device: str) -> Go:
    rules.end_trust(visit().auth, visit().session, device)
    return Go()
