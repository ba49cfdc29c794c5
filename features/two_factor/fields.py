"""What several pages of this feature draw: the field for a code, the key, and new codes."""

import streamlit as st

from features.two_factor import words
from features.two_factor.rules import SetUpKey
from web.form import Form
from web.tab import Go

CODES = "recovery_codes"  # in this tab's state, from their making until the user has saved them
RECOVERY = "two_factor_by_recovery_code"


def ask_code(form: Form, button: str, *, may_trust: bool = False) -> tuple[str, bool, bool]:
    """Draw the form; return the code, whether it is a recovery code, and whether to trust."""
    recovery = bool(st.session_state.get(RECOVERY))
    with form:
        typed = st.text_input("Recovery code", autocomplete="off") if recovery else _code()
        trust = may_trust and st.checkbox(words.TRUST)
        form.button(button)
    return typed, recovery, trust


def offer_other_way() -> None:
    """Draw the button that switches between a code and a recovery code."""
    recovery = bool(st.session_state.get(RECOVERY))
    label = "Use a code from the app" if recovery else "Use a recovery code"
    if st.button(label, type="tertiary", width="stretch"):
        st.session_state[RECOVERY] = not recovery
        st.rerun()


def set_up_form(form: Form, key: SetUpKey) -> str:
    """Draw the QR code, the key as text for apps without a camera, and the form of a set-up."""
    import segno  # needed only for a set-up

    image = segno.make(key.uri, error="m").svg_data_uri(scale=5, border=4, light="#fff")
    st.caption(words.SCAN, text_alignment="center")
    st.html(f'<div class="qr"><img src="{image}" alt="QR code of the key below"></div>')
    st.code(key.text, language=None, wrap_lines=True)
    with form:
        typed = _code()
        form.button("Turn on")
    return typed


def _code() -> str:
    return st.text_input("Code", autocomplete="one-time-code", placeholder="123 456")


def show_codes(made: list[str]) -> Go:
    """Lead to the page that shows the recovery codes *made*, once."""
    st.session_state[CODES] = made
    return Go("recovery_codes")
