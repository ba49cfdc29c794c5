"""Links between pages, by name: to a page that the owner has removed there is none."""

import streamlit as st

from web.tab import tab


def link(page: str, label: str, icon: str | None = None) -> None:
    """Link to the page called *page*, such as "log_in"; draw nothing where the app has none."""
    if target := tab().pages.get(page):
        st.page_link(target, label=label, icon=icon)


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
