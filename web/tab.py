"""The state of one tab, one value in `st.session_state`: gone after F5, never trusted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from importlib import import_module
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

import streamlit as st

from auth.errors import AuthError, SessionOver

if TYPE_CHECKING:
    from auth.client import Client
    from auth.service import AuthService
    from auth.sessions import Session
    from auth.users import Login

KEY = "_tab"


class SignedOutPage(StrEnum):
    """The page that a signed-out visitor sees at a private page: the name of a page in views/."""

    LOG_IN = "log_in"
    WAITING = "waiting"
    UNAVAILABLE = "unavailable"


class Question(StrEnum):
    """The progress of asking for the browser's cookies, under `streamlit run app.py`."""

    NOT_ASKED = "not asked"
    ASKED = "asked"
    WAITING = "waiting"  # the page that waits for the answer has been shown
    ANSWERED = "answered"


class Asker(StrEnum):
    """The part that asks the page for the browser's newest token, each under its own key."""

    GUARD = "guard"
    WATCH = "watch"


@dataclass(frozen=True)
class Write:
    """A cookie write, which the browser confirms under *key*; without *login* it deletes."""

    login: Login | None
    key: str
    ended: str | None = None  # the mark of the session whose cookie is to be deleted
    checked: bool = False  # whether the browser's current cookie was checked
    ticket: str | None = field(default=None, repr=False)  # where an HTTP answer sets the cookie


@dataclass(frozen=True)
class Say:
    """A form's outcome shown on its page: *text*, and below it *value* exactly as typed.

    With *inbox* it takes the form's place: an email is on its way.
    """

    text: str
    value: str = ""
    inbox: bool = False
    emailed: bool = False  # then in development the page says where emails are
    done: bool = True  # False: there was nothing to do


@dataclass(frozen=True)
class Go:
    """A form's outcome that leads to *page*, by name, or through the guard again for ""."""

    page: str = ""
    notice: str = ""  # for the next page


@dataclass
class Attempt:
    """A form's last attempt. It holds a keyed digest of the input, never the input itself."""

    digest: bytes = field(repr=False)
    outcome: Say | Go | AuthError
    page: str  # the url_path of the form's page
    at: float  # the tab's `idle` when it was done, or last clicked again
    over: bool = False  # a run without a click has nothing left to show or do


@dataclass(frozen=True)
class Visit:
    """One run for one visitor, as the guard resolved it at the top of the script."""

    auth: AuthService
    client: Client
    resolved: Session | None = None  # the open session, or None for a signed-out visitor

    @property
    def session(self) -> Session:
        """The open session; raises SessionOver for a signed-out visitor."""
        if self.resolved is None:
            raise SessionOver
        return self.resolved


@dataclass
class Tab:
    """One tab: its token, its owner, what it shows and what it waits for.

    Its repr omits secrets, since a page may draw all of `st.session_state` (CK-10).
    """

    token: str | None = field(default=None, repr=False)
    owner: str | None = None  # the id of the user whose data is in session_state
    visit: Visit | None = field(default=None, repr=False)  # as the guard resolved it in this run
    signed_out_page: SignedOutPage = SignedOutPage.WAITING
    notice: str | None = None  # a sentence for the next page
    link_token: str | None = field(default=None, repr=False)  # of the email that led here
    challenge: str | None = field(default=None, repr=False)  # of a log-in that needs another step
    write: Write | None = None
    question: Question = Question.NOT_ASKED  # for the cookies that the handshake lacks
    answer: str | None = field(default=None, repr=False)  # the token that answered it
    presented: str | None = field(default=None, repr=False)  # the last one the browser presented
    reported: str | None = field(default=None, repr=False)  # the last one whose end was shown
    newest: bool = True  # whether `token` has not been replaced
    questions: dict[Asker, str] = field(default_factory=dict, repr=False)  # for the newest token
    just_resolved: bool = False  # by the guard in this run, so `watch` need not
    verb: Lock = field(default_factory=Lock, repr=False)  # held while a form's verb runs
    attempts: dict[str, Attempt] = field(default_factory=dict, repr=False)  # by the form's name
    clicked: set[str] = field(default_factory=set)  # forms whose verb is still to be called
    idle: float = 0.0  # seconds without a run of the whole script so far, as of the newest one
    ended: float | None = None  # seconds, monotonic: when the last run was over, or began
    page: str = ""  # the url_path of the page that runs
    place: tuple[str, bool] | None = None  # that path, and whether signed in, of the last page
    moves: int = 0  # how often that changed: F5 begins anew
    shown: tuple[str, str] | None = None  # the notice that a page shows, and that page's url_path
    showing: bool = False  # whether the page that runs shows the notice
    home: st.Page | None = field(default=None, repr=False)  # the app's default page
    pages: dict[str, st.Page] = field(default_factory=dict, repr=False)  # of this run, by name


def tab() -> Tab:
    """Return this tab's state, created at its first run."""
    if KEY not in st.session_state:
        st.session_state[KEY] = Tab()
    held: Tab = st.session_state[KEY]
    return held


def visit() -> Visit:
    """Return this run's visit, used by pages, forms and callbacks.

    Raises SessionOver in a tab that the guard has stopped.
    """
    current = tab().visit
    if current is None:
        raise SessionOver
    return current


def draw(module: str, function: str) -> None:
    """Call *function* in the *module* of each feature that draws there: see `Feature.draws`."""
    for feature in visit().auth.features:
        if module in feature.draws:
            getattr(import_module(f"features.{feature.name}.{module}"), function)()


def begin_run() -> None:
    """Begin a run of the whole script."""
    held, now = tab(), monotonic()
    held.idle += now - (held.ended or now)
    held.ended, held.visit = now, None
    for attempt in list(held.attempts.values()):
        attempt.over |= isinstance(attempt.outcome, Go) and not attempt.outcome.page


def end_run(held: Tab) -> None:
    """End a run of the whole script; *held* is passed in, because `tab()` may stop the run."""
    held.ended = monotonic()


def begin_page(page: st.Page, home: st.Page, pages: dict[str, st.Page]) -> None:
    """Begin *page*, one of *pages*, of an app whose default is *home*."""
    held = tab()
    held.page, held.home, held.pages, held.showing = page.url_path, home, pages, False


def notice() -> str | None:
    """Return the notice for this page: a new one, or the one that it has shown before.

    It stays on that page, because more runs may follow: a cookie on its way brings them, and so
    does an event of the page before, which only leads back here. A stopped run has shown nothing.
    """
    held = tab()
    held.showing = not held.shown or held.shown[0] != held.notice or held.shown[1] == held.page
    return held.notice if held.showing else None


def end_page() -> None:
    """End a page that ran to its last line, and drop what other pages had to show."""
    held = tab()
    if held.notice and held.showing:
        held.shown = held.notice, held.page
    elif held.shown and held.shown[1] != held.page:
        if held.shown[0] == held.notice:
            held.notice = None
        held.shown = None
    held.clicked.clear()
    for attempt in list(held.attempts.values()):
        attempt.over |= attempt.page != held.page


def clear_tab() -> None:
    """Drop all state of pages and widgets in this tab; the next user must not see it (GD-4)."""
    held = tab()
    st.session_state.clear()
    held.token = held.owner = held.link_token = held.challenge = None
    held.clicked.clear()
    for attempt in list(held.attempts.values()):
        # A form may have ended its own session, and where it leads must still be followed.
        attempt.over |= not (isinstance(attempt.outcome, Go) and attempt.outcome.page)
    st.session_state[KEY] = held
