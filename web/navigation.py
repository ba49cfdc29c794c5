"""Which page runs: URLs stay the same whether or not the visitor is signed in."""

import re
import sys
from collections.abc import Sequence
from copy import copy
from datetime import timedelta
from functools import cache
from typing import Literal
from urllib.parse import urlsplit

import streamlit as st

from auth.errors import SessionOver, Unavailable
from auth.feature import Feature
from web import outbox
from web.connection import base_path
from web.form import Form, link
from web.guard import log_out, watch
from web.look import avatar, show_logo
from web.tab import SignedOutPage, begin_page, end_page, tab, visit

ADDRESS = re.compile(r"[\w-]{1,100}", re.ASCII)
# An idle page notices within this time that its session is over. A text such as "30s" would have
# Streamlit import pandas to read it: half a second of the first page, and 400 modules for good.
WATCH_EVERY = timedelta(seconds=30)


def navigation(
    private: Sequence[st.Page], public: Sequence[st.Page], features: Sequence[Feature] = ()
) -> st.Page:
    """Return the page to run: one of *private* for a signed-in user only, *public* for everyone.

    The pages of *features* are added to both. A signed-out visitor finds the log-in page at every
    private URL, so that the URL survives logging in and F5 (GD-1).
    """
    private, public = list(private), list(public)
    for feature in features:
        for each in feature.pages:
            file = f"features/{feature.name}/{each.name}.py"
            made = _page(file, each.title, _path_of(each.name), icon=each.icon)
            (public if each.public else private).append(made)
    if outbox.is_open():
        public.append(hidden("outbox"))
    if st.session_state["logged_in"]:
        if missing := _not_found([*private, *public]):
            public.append(missing)
        page = _choose([*private, *public])
        _menu([each for each in [*private, *public] if each.visibility == "visible"])
        return page
    shown = tab().signed_out_page
    stand_ins = [_at_url_of(page, shown) for page in private]
    if shown is not SignedOutPage.LOG_IN:
        public = [_at_url_of(page, shown) for page in public]
    if missing := _not_found([*private, *public], shown):
        public.append(missing)
    return _choose([*stand_ins, *public], position="hidden")


def hidden(name: str) -> st.Page:
    """Return the page views/*name*.py, which the menu does not show: log_in is at /log-in."""
    return _page(f"views/{name}.py", _title_of(name), _path_of(name))


def run(page: st.Page) -> None:
    """Run *page*; where the session or the database ends during it, continue calmly."""
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
    """Return the requested page; record the default one and the others by their names.

    Streamlit gets copies, because running a page leaves its mark on it. A tab keeps the originals,
    which all tabs share.
    """
    copies = [copy(each) for each in pages]
    page = st.navigation(copies, position=position)
    home = next(each for each in copies if each._default)
    begin_page(page, home, {_name_of(each): each for each in pages})
    return page


def _not_found(
    pages: Sequence[st.Page], shown: SignedOutPage = SignedOutPage.LOG_IN
) -> st.Page | None:
    """Return the page for an address that none of *pages* has; None where one has it.

    An address that only looks different, such as /sign_up, leads to the page that was meant. While
    nothing but *shown* can be shown, that stands at the address, which is kept.
    """
    path = urlsplit(st.context.url or "").path.removeprefix(base_path()).strip("/")
    paths = {page._url_path for page in pages} | {page.url_path for page in pages}
    if path in paths or not ADDRESS.fullmatch(path):
        return None
    name = "not_found" if shown is SignedOutPage.LOG_IN else str(shown)
    title = "Page not found" if shown is SignedOutPage.LOG_IN else _title_of(name)
    # Not by `_make_page`, which would keep every address that was ever tried.
    missing = st.Page(f"views/{name}.py", title=title, url_path=path, visibility="hidden")
    if shown is not SignedOutPage.LOG_IN:
        return missing
    meant = path.lower().replace("_", "-")
    if meant in paths:
        _choose([*pages, missing], position="hidden")
        st.switch_page(next(page for page in pages if meant in (page._url_path, page.url_path)))
    return missing


def _at_url_of(page: st.Page, shown: SignedOutPage) -> st.Page:
    # Streamlit finds a page again by its path, and only the private attribute has that of the
    # default page.
    return _page(f"views/{shown}.py", _title_of(shown), page._url_path, default=page._default)


def _page(
    file: str, title: str, url_path: str, *, default: bool = False, icon: str | None = None
) -> st.Page:
    """Return the page of *file* at *url_path*."""
    return _make_page(sys.modules["__main__"].__file__, file, title, url_path, default, icon)


# Each st.Page looks for its file on the disk: a dozen of them took a fifth of every run.
@cache
def _make_page(
    script: str | None, file: str, title: str, url_path: str, default: bool, icon: str | None
) -> st.Page:
    """Make a page for the app whose script is *script*: its path is relative to that."""
    return st.Page(
        file,
        title=title,
        icon=icon,
        url_path=url_path,
        default=default,
        visibility="visible" if icon else "hidden",
    )


def _title_of(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _path_of(name: str) -> str:
    return name.replace("_", "-")


def _name_of(page: st.Page) -> str:
    return page._url_path.replace("-", "_")


def _menu(pages: Sequence[st.Page]) -> None:
    """Show who is signed in and how to log out, and keep watching the session.

    Streamlit draws the menu of *pages*, except where there is only one.
    """
    user = st.session_state["user"]
    show_logo(visit().auth.settings.app_name)
    with st.sidebar:
        if len(pages) == 1:
            st.page_link(pages[0], width="stretch")
        with st.container(key="person"):
            with st.container(horizontal=True, vertical_alignment="center", gap="small", key="who"):
                avatar(user.name or user.email)
                with st.container(gap=None, key="names"):
                    if user.name:
                        st.text(user.name)
                    st.text(user.email)
            link("account", "Account", ":material/person:")
            form = Form("log_out")
            form.button("Log out", kind="tertiary", icon=":material/logout:", width="stretch")
            form.submit(log_out)
        _watch()


@st.fragment(run_every=WATCH_EVERY)
def _watch() -> None:
    try:
        watch()
    except (SessionOver, Unavailable):
        st.rerun()
