"""Decide which page runs; its URL is the same whether or not the visitor is signed in."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from copy import copy
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import streamlit as st

from auth.errors import RoleNeeded, SessionOver, Unavailable
from auth.feature import Feature
from auth.roles import Role
from web import connection, outbox
from web.connection import requested_path
from web.form import Form, link
from web.guard import log_out, watch
from web.look import show_logo, show_person
from web.tab import SignedOutPage, begin_page, draw, end_page, end_run, notice, tab, visit

# An idle page notices within this time that its session is over. A text such as "30s" would have
# Streamlit import pandas to read it: half a second of the first page, and 400 modules for good.
WATCH_EVERY = timedelta(seconds=30)
_arrival = st.components.v2.component(
    "arrival", js=Path(__file__).with_name("arrival.js").read_text("utf-8")
)

Position = Literal["sidebar", "top", "hidden"]
Tree = Sequence[st.Page] | Mapping[str, Sequence[st.Page]]


def navigation(
    private: Tree,
    public: Sequence[st.Page],
    only: Mapping[Role, Sequence[st.Page]] | None = None,
    features: Sequence[Feature] = (),
    position: Position = "sidebar",
    expanded: bool | int = False,
) -> st.Page:
    """Return the page to run: one of *private* for a signed-in user only, *public* for everyone.

    The pages in *only* exist for users with that role; the pages of *features* are added to all
    three. *private*, *position* and *expanded* are as for `st.navigation`. A signed-out visitor
    finds the log-in page at every private URL, so that the URL survives logging in and F5 (GD-1).
    """
    sections = private if isinstance(private, Mapping) else {"": private}
    private = [page for each in sections.values() for page in each]
    public = list(public)
    for role, pages in (only or {}).items():
        private += pages if _may_open(role) else ()
    for feature in features:
        for each in feature.pages:
            if not _may_open(each.role):
                continue
            file = f"features/{feature.name}/{each.name}.py"
            made = _page(file, each.title, _path_of(each.name), icon=each.icon)
            (public if each.public else private).append(made)
    if outbox.is_open():
        public.append(hidden("outbox"))
    _check_names([*private, *public])
    if st.session_state["logged_in"]:
        if missing := _not_found([*private, *public]):
            public.append(missing)
        page = _choose([*private, *public], position, expanded, sections)
        _menu([each for each in [*private, *public] if each.visibility == "visible"])
        return page
    shown = tab().signed_out_page
    stand_ins = [_at_url_of(page, shown) for page in private]
    if shown is not SignedOutPage.LOG_IN:
        public = [_at_url_of(page, shown) for page in public]
    if missing := _not_found([*private, *public], shown):
        public.append(missing)
    return _choose([*stand_ins, *public], "hidden")


def _check_names(pages: Sequence[st.Page]) -> None:
    """Raise ValueError if two of *pages* have the same name; Streamlit's error names no file."""
    files: dict[str, object] = {}
    for page in pages:
        file = files.setdefault(_name_of(page), page._page)
        if file != page._page:
            raise ValueError(f"{file} and {page._page} are both at /{page._url_path}: rename yours")


def hidden(name: str, path: str | None = None) -> st.Page:
    """Return the page views/*name*.py, which the menu does not show: log_in is at /log-in."""
    return _page(f"views/{name}.py", _title_of(name), path or _path_of(name))


def run(page: st.Page) -> None:
    """Run *page*; if the session ends or the database fails meanwhile, handle that calmly."""
    held = tab()
    leads_home = _name_of(page) in ("log_in", "sign_up")  # it would use up the notice
    if st.session_state["logged_in"] and not leads_home and (said := notice()):
        st.success(said)
    try:
        page.run()
        _arrive(page)
        end_page()
    except (SessionOver, RoleNeeded):  # the next run shows what this visitor may still see
        st.rerun()
    except Unavailable as fault:
        st.error(fault.message)
    finally:
        end_run(held)
        connection.let_others_run()


def _arrive(page: st.Page) -> None:
    """Move the focus to the title of a page that was not the first in its tab.

    A page that is loaded or reloaded needs no script for it: browsers announce it.
    """
    held, signed_in = tab(), bool(st.session_state["logged_in"])
    if not signed_in and held.signed_out_page is not SignedOutPage.LOG_IN:
        return
    place = page.url_path, signed_in
    held.moves += held.place not in (None, place)
    held.place = place
    if held.moves:
        with st.container(key="unseen_arrival"):
            _arrival(key="arrival_helper", data={"move": held.moves})


def _may_open(role: Role | None) -> bool:
    """Return whether a page for *role* exists for this visitor; signed out, it asks to log in."""
    user = st.session_state["user"]
    return role is None or user is None or role in user.roles


def _choose(
    pages: list[st.Page],
    position: Position,
    expanded: bool | int = False,
    sections: Mapping[str, Sequence[st.Page]] = MappingProxyType({}),
) -> st.Page:
    """Return the requested page, and record the default page and the others by name.

    *sections* are the menu's headings, each with those of *pages* that stand below it. Streamlit
    gets copies, because running a page leaves its mark on it. A tab keeps the originals, which all
    tabs share.
    """
    below = {id(page): heading for heading, each in sections.items() for page in each}
    copies = [copy(each) for each in pages]
    tree: dict[str, list[st.Page]] = {heading: [] for heading in [*sections, ""]}
    for page, made in zip(pages, copies, strict=True):
        tree[below.get(id(page), "")].append(made)
    chosen = st.navigation(tree, position=position, expanded=expanded)
    home = next(each for each in copies if each._default)
    begin_page(chosen, home, {_name_of(each): each for each in pages})
    return chosen


def _not_found(
    pages: Sequence[st.Page], shown: SignedOutPage = SignedOutPage.LOG_IN
) -> st.Page | None:
    """Return the page for a path that none of *pages* has; None if one has it.

    A path that is only spelled differently, such as /sign_up, leads to the page that was meant.
    While only *shown* can be shown, it is what this URL shows, and the URL stays.
    """
    path = requested_path()
    paths = {page._url_path for page in pages} | {page.url_path for page in pages}
    if not path or path in paths:
        return None
    name = "not_found" if shown is SignedOutPage.LOG_IN else str(shown)
    title = "Page not found" if shown is SignedOutPage.LOG_IN else _title_of(name)
    # Not by `_make_page`, which would keep every path that was ever tried.
    missing = st.Page(f"views/{name}.py", title=title, url_path=path, visibility="hidden")
    if shown is not SignedOutPage.LOG_IN:
        return missing
    meant = path.lower().replace("_", "-")
    if meant in paths:
        _choose([*pages, missing], "hidden")
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
        with suppress(SessionOver, Unavailable):  # the page says so, or the next run does
            draw("menu", "show_menu")
        with st.container(key="person"):
            show_person(user.name, user.email)
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
