"""Which page runs: everybody's addresses stay the same, what stands behind them does not."""

import sys
from collections.abc import Sequence
from copy import copy
from datetime import timedelta
from functools import cache
from typing import Literal

import streamlit as st

from auth.errors import SessionOver, Unavailable
from web.form import Form
from web.guard import log_out, watch
from web.tab import Door, begin_page, end_page, tab

# An idle page notices within this time that its session is over. A text such as "30s" would have
# Streamlit import pandas to read it: half a second of the first page, and 400 modules for good.
WATCH_EVERY = timedelta(seconds=30)


def navigation(private: Sequence[st.Page], public: Sequence[st.Page]) -> st.Page:
    """Return the page to run: one of *private* for a signed-in user only, *public* for everybody.

    Somebody who is not signed in finds the log-in page at every private address, so that the
    address survives logging in and F5 (GD-1).
    """
    if st.session_state["logged_in"]:
        page = _choose([*private, *public])
        _account_menu()
        return page
    door = tab().door
    doors = [_door_at(page, door) for page in private]
    if door is not Door.LOG_IN:
        public = [_door_at(page, door) for page in public]
    return _choose([*doors, *public], position="hidden")


def hidden(name: str) -> st.Page:
    """Return the page views/*name*.py that the menu does not show: log_in stands at /log-in."""
    return _hidden_page(name, name.replace("_", "-"))


def run(page: st.Page) -> None:
    """Run *page*; what ends under it, such as the session or the database, is told calmly."""
    held = tab()
    if st.session_state["logged_in"] and held.notice:
        held.shown = held.notice, held.page  # it stays there: a cookie on its way brings more runs
        st.success(held.notice)
    try:
        page.run()
        end_page()
    except SessionOver:
        st.rerun()
    except Unavailable as fault:
        st.error(fault.message)


def _choose(pages: list[st.Page], position: Literal["sidebar", "hidden"] = "sidebar") -> st.Page:
    """Return the page that was asked for, and note which is the default one."""
    page = st.navigation(pages, position=position)
    begin_page(page, next(each for each in pages if each._default))
    return page


def _door_at(page: st.Page, door: Door) -> st.Page:
    # Streamlit finds a page again by its path, and only the private attribute tells that of the
    # default page.
    return _hidden_page(door, page._url_path, default=page._default)


def _hidden_page(name: str, url_path: str, *, default: bool = False) -> st.Page:
    """Return views/*name*.py at *url_path*: a copy, as running a page leaves its mark on it."""
    return copy(_make_page(sys.modules["__main__"].__file__, name, url_path, default))


# Each st.Page looks for its file on the disk: a dozen of them took a fifth of every run.
@cache
def _make_page(script: str | None, name: str, url_path: str, default: bool) -> st.Page:
    """Make a hidden page, for the app whose script is *script*: its path is relative to that."""
    return st.Page(
        f"views/{name}.py",
        title=name.replace("_", " ").capitalize(),
        url_path=url_path,
        default=default,
        visibility="hidden",
    )


def _account_menu() -> None:
    """Show who is signed in and the way out, and keep watching."""
    with st.sidebar:
        st.text(st.session_state["user"].email)
        form = Form("log_out")
        form.button("Log out", kind="secondary", icon=":material/logout:")
        form.submit(log_out)
        _watch()


@st.fragment(run_every=WATCH_EVERY)
def _watch() -> None:
    try:
        watch()
    except Unavailable:
        st.rerun()
