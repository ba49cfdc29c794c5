"""Recent activity: the latest events in words, and each day's log-ins as a bar."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import streamlit as st

from auth.audit import AuditEntry, Event
from auth.browsers import browser_in_words
from db.models import utc_now
from features.activity.rules import RECENT_DAYS, recent_activity
from web.details import local, section, show_ago
from web.tab import visit

SHOWN = 5  # events in words
# The core's events; each feature words its own.
WORDS = {
    Event.LOGGED_IN: "You logged in",
    Event.LOGGED_IN_AFTER_FAILING: "You logged in, after wrong passwords",
    Event.LOG_IN_FAILED: "Someone tried a wrong password",
    Event.LOCKED: "Logging in was paused for a while",
    Event.PASSWORD_SWITCHED_OFF: "Your password was switched off for unknown networks",
    Event.CONFIRMED: "You confirmed your identity",
    Event.TOKEN_REUSED: "A session was ended: its cookie was used twice",
    Event.LOGGED_OUT: "You logged out",
    Event.REFUSED: "A wrong password was entered in your account",
    Event.USER_CREATED: "Your account was created",
    Event.ROLE_GRANTED: "You were given a role",
    Event.ROLE_REVOKED: "A role was taken from you",
}
LOG_INS = {Event.LOGGED_IN, Event.LOGGED_IN_AFTER_FAILING}


def show_card() -> None:
    """Draw the log-ins of the last thirty days, and list the latest events."""
    entries = recent_activity(visit().auth, visit().session)
    words = dict(WORDS)
    for feature in visit().auth.features:
        words |= feature.events
    now = utc_now()
    with section("Activity"):
        _draw_log_ins(entries, now)
        for number, entry in enumerate([each for each in entries if each.event in words][:SHOWN]):
            device = f" · {browser_in_words(entry.user_agent)}" if entry.user_agent else ""
            with st.container(gap=None, key=f"event_{number}"):
                st.text(words[entry.event])
                show_ago(entry.at, now, after=device)


def _draw_log_ins(entries: Sequence[AuditEntry], now: datetime) -> None:
    """Draw a bar for each day, without a chart library, which would cost half a second."""
    counts = Counter(local(each.at).date() for each in entries if each.event in LOG_INS)
    today = local(now).date()
    days = [today - timedelta(days=back) for back in range(RECENT_DAYS - 1, -1, -1)]
    highest = max(counts.values(), default=1)
    total = sum(counts.values())
    bars = "".join(_bar(f"{day.day} {day:%B}", counts[day], highest) for day in days)
    label = f"Log-ins in the last {RECENT_DAYS} days: {total}"
    st.html(f'<div class="days" role="img" aria-label="{label}">{bars}</div>')
    st.caption(label)


def _bar(day: str, count: int, highest: int) -> str:
    look = f"height:{100 * count / highest:.0f}%;opacity:{1 if count else 0.2}"
    return f'<div title="{day}: {count}" style="{look}"></div>'
