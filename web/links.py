"""Links between pages: to a page that the app's owner has taken out there is none."""

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from web.tab import tab


def link(page: str, label: str, icon: str | None = None) -> None:
    """Link to views/*page*.py; show nothing where the app does not have that page."""
    try:
        st.page_link(f"views/{page}.py", label=label, icon=icon)
    except StreamlitPageNotFoundError:
        return


def go(page: str) -> None:
    """Switch to views/*page*.py, or to the default page where the app does not have that one."""
    try:
        st.switch_page(f"views/{page}.py")
    except StreamlitPageNotFoundError:
        go_home()


def go_home() -> None:
    """Switch to the app's default page; returns only if this is that page."""
    held = tab()
    if held.home and held.home.url_path != held.page:
        st.switch_page(held.home)
