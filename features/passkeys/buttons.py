"""The button for a passkey: on the log-in page, at step-up, and where one is added."""

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from auth.errors import StepNeeded
from auth.step_up import has_password
from features.passkeys import rules
from features.passkeys.ceremony import Ceremony, unsupported_reason
from features.passkeys.words import BUTTON_WORDS, CONFIRM, LOG_IN, PasskeyRefused
from web.form import Form
from web.guard import adopt_token
from web.second_step import begin_step, finish_log_in
from web.tab import Go, visit

REFRESH = 240  # seconds until a waiting page gets another challenge, as in passkey.js
ADD_CEREMONY = "passkey_add_ceremony"
UNKNOWN = "passkey_unknown"  # in this tab's state: the id of a passkey for the browser to forget
HTML = """
<div class="passkey {kind}">
  <p class="or"><span>or</span></p>
  <button type="button"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M9 3a5 5 0 1 0 0 10A5
  5 0 0 0 9 3Zm0 11c-4 0-8 2-8 5v2h11v-6.6A12 12 0 0 0 9 14Zm9.5-5a4.5 4.5 0 0 0-1.5 8.7V23l1.5
  1.5L21 22l-1.5-1.5L21 19l-1.2-1.2A4.5 4.5 0 0 0 18.5 9Zm0 2.5a1.3 1.3 0 1 1 0 2.6 1.3 1.3 0 0 1
  0-2.6Z"/></svg><span>{label}</span></button>
  <p role="status"></p>
</div>
"""
STYLE = """
.or { display: flex; gap: 0.75rem; align-items: center; margin: 0 0 1rem; font-size: 0.875rem;
  opacity: 0.7; }
.or::before, .or::after { flex: 1; height: 1px; background: currentColor; content: "";
  opacity: 0.3; }
.add .or, .confirm_only .or { display: none; }
button { display: flex; gap: 0.5rem; align-items: center; justify-content: center; width: 100%;
  min-height: 2.5rem; padding: 0.25rem 0.75rem; border: 1px solid var(--st-border-color);
  border-radius: var(--st-button-radius); color: inherit; background: var(--st-background-color);
  font: inherit; font-size: 0.875rem; cursor: pointer; }
button:hover, button:focus-visible { border-color: var(--st-primary-color);
  color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
button:disabled { opacity: 0.6; cursor: default; }
svg { width: 1.25rem; height: 1.25rem; fill: currentColor; }
[role=status] { margin: 0.5rem 0 0; font-size: 0.875rem; opacity: 0.8; }
[role=status]:empty { display: none; }
[hidden] { display: none; }
"""
Verb = Callable[[Ceremony, str, bool], Go]


def show_log_in() -> None:
    """Draw the button that logs in; the email field offers passkeys as well."""
    if not unsupported_reason(visit().auth.settings):
        _button("log_in", LOG_IN, lambda: rules.ask(visit().auth, visit().client), _log_in)


def show_step_up() -> None:
    """Draw the button that confirms the user, if they have a passkey."""
    auth, session = visit().auth, visit().session
    if not unsupported_reason(auth.settings) and rules.list_passkeys(auth, session):
        kind = "confirm" if has_password(auth, session) else "confirm_only"
        _button(kind, CONFIRM, lambda: rules.ask(auth, visit().client), _confirm)


def show_add(label: str, verb: Verb) -> None:
    """Draw the button that adds a passkey by *verb*."""
    auth, session, client = visit().auth, visit().session, visit().client
    _button("add", label, lambda: rules.ask_new(auth, session, client), verb)


def _log_in(ceremony: Ceremony, answer: str, remember: bool) -> Go:
    auth, client = visit().auth, visit().client
    try:
        return finish_log_in(rules.log_in(auth, ceremony, answer, client, remember))
    except StepNeeded as needed:
        return begin_step(needed)
    except rules.UnknownPasskey as unknown:
        st.session_state[UNKNOWN] = unknown.id
        raise PasskeyRefused from None


def _confirm(ceremony: Ceremony, answer: str, remember: bool) -> Go:
    auth, session, client = visit().auth, visit().session, visit().client
    adopt_token(rules.confirm(auth, session, ceremony, answer, client))
    return Go()


def _button(kind: str, label: str, ask: Callable[[], Ceremony], verb: Verb) -> None:
    """Draw the button with a request already in it, and hand the browser's answer to *verb*.

    The click itself must ask the browser: after a round trip to the script, Safari no longer counts
    it as a click.
    """
    form = Form(f"passkey_{kind}")
    auth, held, key = visit().auth, st.session_state, f"passkey_{kind}"
    ceremony: Ceremony | None = held.get(f"{key}_ceremony")
    place = st.empty()
    text = (held.get(key) or {}).get("answer")  # reported by the page, for this run alone
    if ceremony is not None and isinstance(text, str) and text:
        held[f"{key}_sent"] = sha256(text.encode("utf-8", "replace")).hexdigest()
        asked, remember, answer = ceremony, text[0] == "1", text[1:]
        form.press(True)
        form.submit(lambda sent: verb(asked, answer, remember), held[f"{key}_sent"])
    else:  # a run that was stopped may have left an outcome to show
        form.submit(lambda sent: Go(), held.get(f"{key}_sent"))
    age = (auth.now() - ceremony.began).total_seconds() if ceremony else 0.0
    if ceremony is None or ceremony.challenge is None or age > REFRESH:
        ceremony = held[f"{key}_ceremony"] = ask()
        age = 0.0
    with place:
        _component(kind, label)(
            key=key,
            data={
                "id": ceremony.id,
                "options": ceremony.options,
                "create": kind == "add",
                "fills": kind == "log_in",
                "origin": auth.settings.site.origin,
                "host": auth.settings.site.host,
                "unknown": held.pop(UNKNOWN, None),
                "age": int(age * 1000),
                "words": BUTTON_WORDS,
            },
            on_answer_change=_nothing,  # Streamlit reports a value only with a callback
            on_stale_change=_nothing,
        )


def _nothing() -> None:
    """Do nothing: the run reads the answer."""


@cache
def _component(kind: str, label: str) -> ComponentRenderer:
    """Return the component; its button is in the page already, so nothing moves when it starts."""
    script = Path(__file__).with_name("passkey.js").read_text("utf-8")
    html = HTML.format(kind=kind, label=label)
    return st.components.v2.component(f"passkey_{kind}", html=html, css=STYLE, js=script)
