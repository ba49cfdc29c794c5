"""Recovery codes: shown once when they are made; otherwise how many are left, and new ones."""

import streamlit as st

from features.two_factor import rules, words
from features.two_factor.fields import CODES, ask_code, offer_other_way, show_codes
from web.form import Form, aside, form_page, go
from web.step_up import ask_password, recently_authenticated
from web.tab import Go, visit


def renew(typed: str, recovery: bool) -> Go:
    """Make new codes; there are none without an app."""
    auth, session, client = visit().auth, visit().session, visit().client
    made = rules.renew_recovery_codes(auth, session, typed, client, recovery=recovery)
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
        found = rules.state(visit().auth, visit().session)
        st.text(words.NEW_CODES_NEEDED.format(left=found.recovery_codes))
        form = Form("renew_codes")
        if not recently_authenticated():
            ask_password(words.STEP_UP)
        elif found.app is None or visit().session.by_passkey:
            form.button("Make new codes")
            form.submit(renew, "", False)
        else:
            typed, recovery, _ = ask_code(form, "Make new codes")
            with below:
                offer_other_way()
            form.submit(renew, typed, recovery)
        aside(below, "account", "Back to your account")
