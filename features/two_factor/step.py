"""The step after the password, on the log-in page: a code, or the set-up where one is required."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth.challenge import Challenge
from features.two_factor import rules, words
from features.two_factor.fields import RECOVERY, ask_code, offer_other_way, set_up_form, show_codes
from web.connection import http_only_cookie
from web.form import Form, form_page
from web.second_step import end_step, finish_log_in
from web.tab import Go, tab, visit


def show_step(challenge: Challenge) -> None:
    """Draw the page of *challenge*."""
    try:
        set_up = rules.needs_set_up(visit().auth, challenge)
    except words.OtherFactorNeeded as needed:
        with form_page(words.OTHER, needed.message) as below:
            _offer_way_back(below)
        return
    ask = words.ASK_RECOVERY if st.session_state.get(RECOVERY) else words.ASK_CODE
    title, text = (words.SET_UP, words.REQUIRED) if set_up else (words.TITLE, ask)
    with form_page(title, text) as below:
        form = Form("second_step")
        if set_up:
            typed = set_up_form(form, rules.key_for_challenge(visit().auth, challenge))
        else:
            may_trust = http_only_cookie() is not None  # a script could read any other cookie
            typed, recovery, trust = ask_code(form, "Log in", may_trust=may_trust)
            with below:
                offer_other_way()
        _offer_way_back(below)
    if set_up:
        form.submit(set_up_app, typed)
    else:
        form.submit(log_in, typed, recovery, trust)


def _offer_way_back(below: DeltaGenerator) -> None:
    with below:
        if st.button("Back to log in", type="tertiary", width="stretch"):
            end_step()
            st.rerun()


def log_in(typed: str, recovery: bool, trust: bool) -> Go:
    """Finish the log-in with a code."""
    auth, client = visit().auth, visit().client
    token = tab().challenge or ""
    return finish_log_in(
        rules.log_in_with_code(auth, token, typed, client, recovery=recovery, trust=trust)
    )


def set_up_app(typed: str) -> Go:
    """Set up the app, finish the log-in, and show the recovery codes."""
    auth, client = visit().auth, visit().client
    login, made = rules.set_up_at_log_in(auth, tab().challenge or "", typed, client)
    finish_log_in(login)
    return show_codes(made)
