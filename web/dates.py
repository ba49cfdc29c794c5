"""Dates and times in words, in the time zone of the visitor's browser."""

from datetime import UTC, datetime, timedelta, tzinfo
from html import escape
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

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
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
