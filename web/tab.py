"""What we keep for one tab in `st.session_state`: one value, gone at F5, trusted by nobody."""

from dataclasses import dataclass, field
from enum import StrEnum

import streamlit as st

from auth.users import Login

KEY = "_tab"


class Door(StrEnum):
    """What somebody who is not signed in gets to see: the name of a page in views/."""

    LOG_IN = "log_in"
    WAITING = "waiting"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Write:
    """A cookie on its way to the browser, which confirms it under *key*; no *login* deletes it."""

    login: Login | None
    key: str
    ticket: str | None = field(default=None, repr=False)  # where an HTTP answer sets the cookie


@dataclass
class Tab:
    """One tab: the token it presents, whose things it holds, and what it is waiting for.

    What opens something is not in its repr: Streamlit shows that where a page writes out all of
    `st.session_state` (CK-10).
    """

    token: str | None = field(default=None, repr=False)
    owner: str | None = None  # the id of the user whose things are in session_state
    door: Door = Door.WAITING
    notice: str | None = None  # a sentence for the page that comes next
    link: str | None = field(default=None, repr=False)  # the token of the mail that led here
    write: Write | None = None
    asked: bool = False  # the browser was asked for its cookies
    told: bool = False  # and answered
    waited: bool = False  # its time to answer has begun
    brought: str | None = field(default=None, repr=False)  # the token it answered with
    settled: bool = False  # the guard has asked in this very run; its watch need not


def tab() -> Tab:
    """Return this tab's own value, made at its first run."""
    if KEY not in st.session_state:
        st.session_state[KEY] = Tab()
    held: Tab = st.session_state[KEY]
    return held


def clear_tab() -> None:
    """Drop all that pages and widgets keep for this tab: the next user must not see it (GD-4)."""
    held = tab()
    st.session_state.clear()
    held.token = held.owner = held.link = None
    st.session_state[KEY] = held
