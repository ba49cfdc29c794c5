"""Forms and links: collect what was typed, call one verb once, and show the outcome or move on.

Streamlit may stop a run at any `st.*` call, and a second click stops the first one's run, perhaps
after the account was made and before the page could say so. So a verb's outcome is kept in the tab
before anything else is called, and a click with the same values shortly afterwards counts as the
same click: it shows the same outcome and calls no verb. A click whose run was stopped before its
verb, by a cookie's answer, counts in the next run. `runner.fastReruns` is off in
.streamlit/config.toml: with it a second run would begin beside the first, in the middle of a verb.
"""

import hmac
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from math import ceil
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Literal, TypeVarTuple

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import RerunException, add_script_run_ctx, get_script_run_ctx

from auth.errors import (
    AuthError,
    InvalidDetails,
    PasswordNeeded,
    SessionOver,
    TooMany,
    Unavailable,
    WrongPassword,
)
from web import connection
from web.look import card
from web.tab import Attempt, Go, Say, tab, visit

Values = TypeVarTuple("Values")
Outcome = Say | Go | AuthError

CURRENT = "current_password"  # the field for the password that the user has now
# Seconds after an outcome in which the same click is no new attempt. Time spent in runs doesn't
# count: a click made during a slow run arrives when that run is over.
BURST = 2.0
AT_ONCE = 0.03  # seconds: a verb that takes longer is waiting for bcrypt, and others may run
_helper = st.components.v2.component(
    "form_helper", js=Path(__file__).with_name("form.js").read_text("utf-8")
)
_in_card = ContextVar("_in_card", default=False)
_key = secrets.token_bytes(32)  # a digest of what was typed means nothing outside this process


class Form:
    """One form: its button, a place for the errors of each field, and a place for its answer.

        form = Form("change_name")
        with form:
            name = st.text_input("Name")
            form.errors("name")
            form.button("Save")
        form.submit(change_name, name)

    *name* is unique in the app.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._answer = st.container()
        self._errors: dict[str, DeltaGenerator] = {}
        self._frame: DeltaGenerator | None = None
        self._clicked = False
        self._in_card = _in_card.get()

    def __enter__(self) -> "Form":
        """Begin the fields: the button sends what was typed into them, all at once."""
        self._frame = st.form(self._name)
        self._frame.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the fields."""
        frame, self._frame = self._frame, None
        if frame is not None:
            frame.__exit__(kind, error, traceback)

    def errors(self, field: str) -> None:
        """Reserve a place, below the field just drawn, for the errors of *field*."""
        self._errors[field] = st.container(key=f"errors_{self._name}_{field}")

    def button(
        self,
        label: str,
        *,
        kind: Literal["primary", "secondary", "tertiary"] = "primary",
        icon: str | None = None,
        width: Literal["stretch", "content"] = "stretch",
    ) -> None:
        """Draw the button that sends the form; outside a `with` block it is a form by itself."""
        draw = st.button if self._frame is None else st.form_submit_button
        note = partial(tab().clicked.add, self._name)  # before the script, which may be stopped
        key = f"form_{self._name}"
        clicked = draw(label, type=kind, icon=icon, width=width, key=key, on_click=note)
        self._clicked = clicked or self._name in tab().clicked

    def press(self, sent: bool) -> None:
        """Send the form if *sent*: a component in the page takes the place of the button."""
        self._clicked = sent

    @property
    def answered(self) -> bool:
        """Whether the form was sent a moment ago: its page still shows it, for a second click."""
        return was_answered(self._name)

    def submit(
        self, verb: Callable[[*Values], Say | Go], *values: *Values
    ) -> AuthError | Say | None:
        """Call *verb* with the values if the button was clicked, show the outcome, and return it.

        Returns None if there is none. A second click with the same values shows the same outcome
        and calls nothing. The verb runs to its end, so it may use the tab and the cookies; it must
        draw nothing. It raises an AuthError to refuse.
        """
        outcome = _once(self._name, self._clicked, lambda: verb(*values), values)
        if isinstance(outcome, Go):
            _follow(outcome)
            return None
        if isinstance(outcome, Say):
            if outcome.inbox and self._clicked:
                st.rerun()  # the page starts again and shows what `sent` returns
            self._say(outcome)
        elif outcome:
            self._refuse(outcome)
        return outcome

    def _say(self, outcome: Say) -> None:
        (self._answer.success if outcome.done else self._answer.info)(outcome.text)
        with self._answer:
            if outcome.value:
                st.text(outcome.value)
            if outcome.emailed:
                _say_where_emails_are()

    def _refuse(self, refusal: AuthError) -> None:
        """Write the errors of a field below it, and everything else above the form."""
        if isinstance(refusal, InvalidDetails):
            self._write(refusal.errors)
        elif isinstance(refusal, WrongPassword) and CURRENT in self._errors:
            self._write({CURRENT: [refusal.message]})
        elif isinstance(refusal, TooMany):  # the page counts it down
            seconds = ceil(refusal.wait.total_seconds())
            with self._answer.container(key=f"wait_{self._name}_{seconds}"):
                st.error(refusal.message)
            self._help()
        else:
            self._answer.error(refusal.message)

    def _write(self, errors: Mapping[str, Sequence[str]]) -> None:
        for field, sentences in errors.items():
            place = self._errors.get(field, self._answer)
            for sentence in sentences:
                place.markdown(f":small[:red[{sentence}]]")
        self._help()

    def _help(self) -> None:
        """Have the page mark the errors; a page that is one form does so already."""
        if not self._in_card:
            with self._answer.container(key=f"unseen_{self._name}"):
                _helper(key=f"form_helper_{self._name}")


def sent(name: str) -> Say | None:
    """Return the answer of the form *name* on its own page, if that form has sent an email."""
    attempt = tab().attempts.get(name)
    if attempt is None or attempt.over or attempt.page != tab().page:
        return None
    outcome = attempt.outcome
    return outcome if isinstance(outcome, Say) and outcome.inbox else None


def inbox_page(name: str, said: Say, again: Callable[[str], Say | Go] | None = None) -> None:
    """Show, in place of the form *name*, where to continue; *again* sends the email once more."""
    with form_page("Check your inbox") as below:
        st.text(said.text, width="stretch", text_alignment="center")
        if said.value:
            with st.container(key="inbox_email"):
                st.text(said.value, width="stretch", text_alignment="center")
        if said.emailed:
            with st.container(horizontal_alignment="center"):
                _say_where_emails_are("center")
        if again:
            with st.container(key="again"):  # shown after a while: emails take some time
                form = Form(f"{name}_again")
                form.button("Send it again", kind="secondary")
                form.submit(again, said.value)
        if st.button("Use another email", type="tertiary", width="stretch"):
            tab().attempts.pop(name, None)
            st.rerun()
        aside(below, "log_in", "Back to log in")


def _say_where_emails_are(side: Literal["left", "center"] = "left") -> None:
    settings = visit().auth.settings
    if not settings.production and not settings.smtp_url:
        said = "Outbox: this email is a file in data/outbox/, and its link is in the terminal."
        st.caption(said, text_alignment=side)
        link("outbox", "Open the outbox", ":material/mail:")


def was_answered(name: str) -> bool:
    """Return whether the form called *name* was sent a moment ago."""
    attempt = tab().attempts.get(name)
    return attempt is not None and _is_fresh(attempt)


def link(page: str, label: str, icon: str | None = None) -> None:
    """Link to the page called *page*, such as "log_in"; draw nothing where the app has none."""
    if target := tab().pages.get(page):
        st.page_link(target, label=label, icon=icon)


def aside(below: DeltaGenerator, page: str, label: str, text: str = "") -> None:
    """Draw a line of *text* that ends in a link to *page*; nothing where the app has none."""
    if page in tab().pages:
        with below.container(horizontal=True, horizontal_alignment="center", key=f"aside_{page}"):
            if text:
                st.caption(text, width="content")
            link(page, label)


@contextmanager
def form_page(title: str, text: str = "") -> Iterator[DeltaGenerator]:
    """Frame a page that is one form, under its *title*; yield the place below the card.

    Signed-out visitors see the app's name. The page is hidden until its last part is drawn: it is
    centred on the screen, and would move as its parts arrive.
    """
    name = "" if st.session_state["logged_in"] else visit().auth.settings.app_name
    with card(title, text, name=name) as below:
        outside = _in_card.set(True)
        try:
            yield below
        finally:
            _in_card.reset(outside)
            if not isinstance(sys.exception(), RerunException):  # else it is being left
                with below.container(key="unseen"):
                    _helper(key="form_helper")


def go(page: str) -> None:
    """Switch to the page called *page*, or to the default page where the app has none."""
    if target := tab().pages.get(page):
        st.switch_page(target)
    go_home()


def go_home() -> None:
    """Switch to the app's default page; returns only if this is that page."""
    held = tab()
    if held.home and held.home.url_path != held.page:
        st.switch_page(held.home)


def link_token() -> str:
    """Return the token of the emailed link, and remove it from the address bar (RS-4)."""
    if token := st.query_params.get("token"):
        tab().link_token = token
        del st.query_params["token"]
    return tab().link_token or ""


def _once(
    name: str, clicked: bool, verb: Callable[[], Say | Go], values: Sequence[object]
) -> Outcome | None:
    """Return the form's outcome: of the verb, or of the same click a moment ago, or None.

    No `st.*` call may stand between the verb and the line that keeps its outcome.
    """
    held = tab()
    page = held.page
    digest = hmac.digest(_key, repr((name, values)).encode("utf-8", "surrogatepass"), "sha256")
    with held.verb:
        attempt = held.attempts.get(name)
        leads_on = attempt and isinstance(attempt.outcome, Go) and attempt.outcome.page
        # The browser empties the fields of a page that it leaves, and a late click may still come.
        is_same = attempt and (attempt.digest == digest or (clicked and leads_on))
        if attempt and is_same and _is_fresh(attempt):
            if clicked:
                held.clicked.discard(name)
                attempt.at = held.idle
            # A late click, or a cookie's answer that was sent before the browser had left the page:
            # follow where the form leads once more, even if this run is stopped.
            if clicked or (leads_on and connection.requested_path() == held.page):
                attempt.over = False
            return None if attempt.over else attempt.outcome
        if not clicked:
            return None
        held.clicked.discard(name)
        held.notice = None  # the outcome takes its place
        outcome = _run(verb)
        if isinstance(outcome, Go):
            held.notice = outcome.notice or None
            target = held.pages.get(outcome.page)
            if target and target.url_path == page:  # there already: the page only starts again
                outcome = Go(notice=outcome.notice)
        if not isinstance(outcome, Unavailable):  # nothing was changed: another click tries again
            held.attempts[name] = Attempt(digest, outcome, page, held.idle)
        return outcome


def _run(verb: Callable[[], Say | Go]) -> Outcome:
    """Run *verb* to its end, in another thread: Streamlit stops only the script's own."""
    done: Future[Say | Go] = Future()

    def work() -> None:
        try:
            done.set_result(verb())
        except BaseException as fault:  # raised again below
            done.set_exception(fault)

    thread = Thread(target=work, name="form")
    add_script_run_ctx(thread, get_script_run_ctx(suppress_warning=True))
    thread.start()
    try:
        if wait([done], AT_ONCE).not_done:
            connection.let_others_run()
        return done.result()
    except (SessionOver, PasswordNeeded):
        return Go()  # the page starts again, with the log-in form or the one for the password
    except AuthError as refusal:
        return refusal


def _is_fresh(attempt: Attempt) -> bool:
    return tab().idle - attempt.at < BURST


def _follow(outcome: Go) -> None:
    """Go where *outcome* leads; if this run is stopped on the way, the next one goes there."""
    held = tab()
    if outcome.notice:
        held.notice, held.shown = outcome.notice, None
    if outcome.page:
        go(outcome.page)
    else:
        st.rerun()
