"""What happened to an account, for the person whose it is: in words, and as a small chart."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import streamlit as st

from auth.audit import Event, Happening
from auth.browsers import browser_in_words
from auth.own_data import RECENT_DAYS
from web.moments import local, moment

SHOWN = 8  # events in words
WORDS = {
    Event.LOGGED_IN: "You logged in",
    Event.LOGGED_IN_AFTER_FAILING: "You logged in, after wrong passwords",
    Event.LOG_IN_FAILED: "Someone tried a wrong password",
    Event.LOCKED: "Logging in was paused for a while",
    Event.PASSWORD_SWITCHED_OFF: "Your password was switched off for unknown networks",
    Event.CONFIRMED: "You entered your password again",
    Event.PASSWORD_CHANGED: "Your password was changed",
    Event.LINK_SENT: "We sent you a link",
    Event.SESSION_REVOKED: "Other sessions were ended",
    Event.TOKEN_REUSED: "A session was ended: its cookie was used twice",
    Event.LOGGED_OUT: "You logged out",
    Event.REFUSED: "A wrong password was entered in your account",
    Event.USER_CREATED: "You signed up",
    Event.USER_CHANGED: "Your details were changed",
}
LOG_INS = {Event.LOGGED_IN, Event.LOGGED_IN_AFTER_FAILING}
CHART = """<style>
  .days { display: flex; align-items: flex-end; gap: 3px; height: 64px; }
  .days div { flex: 1; min-height: 3px; border-radius: 2px; background: currentColor; }
</style>"""


def show_activity(happenings: Sequence[Happening], now: datetime) -> None:
    """Draw the log-ins of the last thirty days, and tell the latest events."""
    _draw_log_ins(happenings, now)
    told = [each for each in happenings if each.event in WORDS]
    for happening in told[:SHOWN]:
        what, when = st.columns([1, 1], gap="xxsmall")
        what.text(WORDS[happening.event])
        place = f" · {browser_in_words(happening.agent)}" if happening.agent else ""
        when.caption(f"{moment(happening.at)}{place}")


def _draw_log_ins(happenings: Sequence[Happening], now: datetime) -> None:
    """Draw a bar for each day: no chart library, which would be half a second of the page."""
    counts = Counter(local(each.at).date() for each in happenings if each.event in LOG_INS)
    today = local(now).date()
    days = [today - timedelta(days=back) for back in range(RECENT_DAYS - 1, -1, -1)]
    highest = max(counts.values(), default=1)
    total = sum(counts.values())
    bars = "".join(_bar(f"{day.day} {day:%B}", counts[day], highest) for day in days)
    label = f"Log-ins in the last {RECENT_DAYS} days: {total}"
    st.html(f'{CHART}<div class="days" role="img" aria-label="{label}">{bars}</div>')
    st.caption(label)


def _bar(day: str, count: int, highest: int) -> str:
    look = f"height:{100 * count / highest:.0f}%;opacity:{0.7 if count else 0.15}"
    return f'<div title="{day}: {count}" style="{look}"></div>'
