"""Dates and times in words, in the time zone of the visitor's browser."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st


def moment(value: datetime) -> str:
    """Return *value* such as "23 November 2026, 14:05"."""
    here = local(value)
    return f"{here.day} {here:%B %Y, %H:%M}"


def day(value: datetime) -> str:
    """Return the day of *value* such as "23 November 2026"."""
    here = local(value)
    return f"{here.day} {here:%B %Y}"


def local(value: datetime) -> datetime:
    """Return *value* in the browser's time zone."""
    return value.astimezone(_zone())


def _zone() -> tzinfo:
    """Return the browser's time zone; UTC where it is missing or unknown."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
