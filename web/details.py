"""Sections of rows, as the account page shows them: a label, a value, and a quiet "Change".

Dates and times are in words, in the time zone of the visitor's browser.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from html import escape
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from web.form import link


def section(title: str) -> DeltaGenerator:
    """Draw and return a framed section under *title*."""
    frame = st.container(border=True, key=f"section_{_key(title)}")
    frame.header(title, anchor=False)
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


STEPS = ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute"))
LONG_AGO = timedelta(days=30)  # from then on the date says more


def moment(value: datetime) -> str:
    """Return *value* in words, such as "23 November 2026, 14:05"."""
    here = local(value)
    return f"{here.day} {here:%B %Y, %H:%M}"


def day(value: datetime) -> str:
    """Return the day of *value* in words, such as "23 November 2026"."""
    here = local(value)
    return f"{here.day} {here:%B %Y}"


def ago(value: datetime, now: datetime) -> str:
    """Return how long *value* is ago, such as "5 minutes ago"; the day of one that is long ago."""
    passed = now - value
    if passed >= LONG_AGO:
        return day(value)
    for size, unit in STEPS:
        if passed >= size:
            count = passed // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def show_ago(value: datetime, now: datetime, before: str = "", after: str = "") -> None:
    """Draw how long *value* is ago, exactly on hover, between two texts."""
    when = f'<time datetime="{value.isoformat()}" title="{moment(value)}">{ago(value, now)}</time>'
    st.html(f'<div class="quiet">{escape(before)}{when}{escape(after)}</div>')


def local(value: datetime) -> datetime:
    """Return *value* in the browser's time zone."""
    return value.astimezone(_zone())


def _zone() -> tzinfo:
    """Return the browser's time zone; UTC where it is missing or unknown."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder's name, or a long one
        return UTC
