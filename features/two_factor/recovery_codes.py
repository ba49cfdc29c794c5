"""Recovery codes: shown once when they are made; otherwise how many are left, and new ones."""

import streamlit as st

from features.two_factor import rules, words
from features.two_factor.fields import CODES, show_codes
from web.form import Form, aside, form_page, go
from web.step_up import ask_password, recently_authenticated
from web.tab import Go, visit


def renew() -> Go:
    """Make new codes; there are none without an app."""
    made = rules.renew_recovery_codes(visit().auth, visit().session, visit().client)
    return show_codes(made) if made else Go("two_factor")


made = st.session_state.get(CODES)
with form_page(words.CODES_TITLE, words.KEEP_CODES if made else "") as below:
    if made:
        text = "\n".join(made)
        st.code(text, language=None)
        st.download_button(
            "Download",
            data=lambda: text,
            file_name="recovery-codes.txt",
            mime="text/plain",
            on_click="ignore",
            width="stretch",
        )
        if st.button("I've saved them", type="primary", width="stretch"):
            del st.session_state[CODES]
            go("account")
    else:
        left = rules.state(visit().auth, visit().session).recovery_codes
        st.text(words.NEW_CODES_NEEDED.format(left=left))
        if recently_authenticated():
            form = Form("renew_codes")
            form.button("Make new codes")
            form.submit(renew)
        else:
            ask_password(words.STEP_UP)
        aside(below, "account", "Back to your account")
