"""A log-in's second step: begun after the password, resumed after F5, finished or left.

The step's token is in the tab and in the page's URL, as `?step=…`, which F5 keeps. It works only in
the browser whose nonce came with the password, for five minutes, and opens nothing by itself.
"""

import streamlit as st

from auth import log_in as rules
from auth.challenge import Challenge, find_challenge
from auth.errors import AuthError, StepNeeded, StepOver
from auth.users import FIRST_VERSION, Login
from web.guard import adopt_token
from web.tab import Go, tab, visit

STEP = "step"


def log_in(email: str, password: str, remember: bool = False) -> Go:
    """Start a session for this tab and this browser, or the step that its account needs first."""
    auth, client = visit().auth, visit().client
    end_step()
    try:
        return finish_log_in(auth.log_in(email, password, client, remember))
    except StepNeeded as needed:
        return begin_step(needed)


def log_in_owner(user_id: str, done: str, notice: str = "", version: int = FIRST_VERSION) -> Go:
    """Start a session for the owner of the account that a form has just made or confirmed.

    *version* is the account's as it was then. Where that fails the log-in page says what is *done*;
    otherwise the next page shows *notice*.
    """
    end_step()
    try:
        finish_log_in(rules.log_in_owner(visit().auth, user_id, visit().client, version))
    except StepNeeded as needed:
        begin_step(needed)
        return Go("log_in", notice)
    except AuthError:
        return Go("log_in", f"{done} Log in to continue.")
    return Go(notice=notice)


def begin_step(needed: StepNeeded) -> Go:
    """Go on to the step that a log-in needs."""
    tab().challenge = needed.token
    return Go()


def pending_challenge() -> Challenge | None:
    """Return the challenge that this tab has yet to meet, also after a reload; otherwise None.

    If one has ended, the log-in form shows a notice.
    """
    held, client = tab(), visit().client
    held.challenge = held.challenge or (st.query_params.get(STEP) if client.browser else None)
    if held.challenge is None:
        return None
    auth = visit().auth
    challenge = find_challenge(auth, held.challenge, client)
    if challenge is None or challenge.stage not in {each.name for each in auth.features}:
        end_step()
        held.notice = held.notice or StepOver.message
        return None
    if client.browser and st.query_params.get(STEP) != held.challenge:
        st.query_params[STEP] = held.challenge
    return challenge


def finish_log_in(login: Login) -> Go:
    """Sign this tab and its browser in."""
    end_step()
    adopt_token(login)
    return Go()


def end_step() -> None:
    """Leave the step: the next page is the log-in form."""
    tab().challenge = None
    st.query_params.pop(STEP, None)
