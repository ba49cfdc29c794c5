"""Guard an existing Streamlit app: call this at the top of its script, before anything else.

enter(FEATURES)                           a script of one page
enter(FEATURES, "app_pages")              a script, and a folder with its other pages
navigation = guard_navigation(FEATURES)   a script that calls st.navigation: it calls this one
"""

import sys
from collections.abc import Callable, Sequence
from copy import copy
from functools import cache, partial
from pathlib import Path

import streamlit as st
from streamlit.source_util import page_sort_key

from auth.feature import Feature, paths_of
from web.connection import requested_path
from web.guard import guard
from web.look import dress
from web.navigation import Position, Tree, hidden, navigation, run

PUBLIC = ("log-in", "sign-up", "outbox")


def enter(features: Sequence[Feature], folder: str | None = None) -> None:
    """Return for a signed-in user at this script's own page; otherwise run the right page and stop.

    The pages in *folder* are private, with the titles, icons and order that `pages/` gave them.
    """
    dress()
    guard()
    script = Path(str(sys.modules["__main__"].__file__))
    files = sorted((script.parent / folder).glob("*.py"), key=page_sort_key) if folder else []
    page = navigation(private=[*_pages(script, *files)], public=_public(), features=features)
    if not (st.session_state["logged_in"] and page._default):
        run(page)
        st.stop()


def guard_navigation(features: Sequence[Feature]) -> Callable[..., st.Page]:
    """Return the user's replacement for `st.navigation`; signed out, show the log-in page and stop.

    The replacement adds the pages of *features* to the app's own, which are private.
    """
    dress()
    guard()
    if not st.session_state["logged_in"]:
        # The app's own pages are not known yet, so the log-in page is at any URL that could be one.
        path = requested_path()
        known = {"", *(each.strip("/") for each in paths_of(features)), *PUBLIC}
        here = [hidden("log_in", path)] if path not in known else []
        script = Path(str(sys.modules["__main__"].__file__))
        run(navigation([*_pages(script), *here], _public(), features=features))
        st.stop()

    def guarded(
        pages: Tree, *, position: Position = "sidebar", expanded: bool | int = False
    ) -> st.Page:
        page = navigation(pages, _public(), features=features, position=position, expanded=expanded)
        shown = copy(page)
        shown.run = partial(run, page)  # type: ignore[method-assign]
        return shown

    return guarded


def _public() -> list[st.Page]:
    return [hidden("log_in"), hidden("sign_up")]


@cache
def _pages(script: Path, *files: Path) -> tuple[st.Page, ...]:
    """Return the pages of the files; the script's own is the default one."""
    return st.Page(script, default=True), *map(st.Page, files)
