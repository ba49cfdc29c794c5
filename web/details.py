"""Sections of rows, as the account page shows them: a label, a value, and a quiet "Change"."""

from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from web.form import link


def section(title: str) -> DeltaGenerator:
    """Draw and return a framed section under *title*."""
    frame = st.container(border=True, key=f"section_{_key(title)}")
    frame.subheader(title, anchor=False)
    return frame


def show_details(
    title: str, details: Mapping[str, str], *, change: Mapping[str, str] | None = None
) -> DeltaGenerator:
    """Draw and return a section of *details*; values are plain text, never markup.

    *change* names, by label, the page that changes the value.
    """
    frame = section(title)
    with frame:
        for label, value in details.items():
            with row(label):
                st.text(value or "–")
                if change and label in change:
                    change_link(change[label], f"your {label.lower()}")
    return frame


def row(label: str) -> DeltaGenerator:
    """Draw and return a row under *label*: its value, and what may be done with it."""
    line = st.container(horizontal=True, key=f"row_{_key(label)}")
    line.caption(label)
    return line


def change_link(page: str, what: str, verb: str = "Change") -> None:
    """Link to *page* by "Change"; a screen reader says *what*, too."""
    link(page, f"{verb} *{what}*")


def _key(text: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in text.lower())
