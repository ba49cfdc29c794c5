"""Two-factor authentication: set up an authenticator app, or turn it off with a code."""

from features.two_factor import rules, words
from features.two_factor.fields import ask_code, offer_other_way, set_up_form, show_codes
from web.form import Form, aside, form_page, go
from web.guard import adopt_token
from web.step_up import ask_password, recently_authenticated
from web.tab import Go, visit


def turn_on(typed: str) -> Go:
    """Set the app up; this session continues under a new token."""
    login, made = rules.set_up(visit().auth, visit().session, typed, visit().client)
    adopt_token(login)
    return show_codes(made)


def turn_off(typed: str, recovery: bool) -> Go:
    """Remove the app; this session continues under a new token."""
    auth, session, client = visit().auth, visit().session, visit().client
    adopt_token(rules.turn_off(auth, session, typed, client, recovery=recovery))
    return Go("account", words.TURNED_OFF)


if visit().auth.settings.two_factor == "off":
    go("account")
is_on = rules.state(visit().auth, visit().session).app is not None
confirmed = recently_authenticated()
by_passkey = visit().session.by_passkey  # which is a factor too
text = (words.TURN_OFF_NOW if by_passkey else words.TURN_OFF_TEXT) if is_on and confirmed else ""
with form_page(words.TURN_OFF if is_on else words.SET_UP, text) as below:
    form = Form("turn_off" if is_on else "turn_on")
    if not confirmed:
        ask_password(words.STEP_UP)
    elif is_on and by_passkey:
        form.button("Turn off")
        form.submit(turn_off, "", False)
    elif is_on:
        typed, recovery, _ = ask_code(form, "Turn off")
        with below:
            offer_other_way()
        form.submit(turn_off, typed, recovery)
    else:
        typed = set_up_form(form, rules.key_for_session(visit().auth, visit().session))
        form.submit(turn_on, typed)
    aside(below, "account", "Back to your account")
