"""Moments in words, in the time zone of the browser that reads them."""

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
    """Return *value* as the clock of the browser's zone shows it."""
    return value.astimezone(_zone())


def _zone() -> tzinfo:
    """Return the browser's zone; one it does not tell, or that nobody knows, is UTC."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
