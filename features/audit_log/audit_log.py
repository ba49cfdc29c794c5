"""Audit log: filter by user, event and day, page through the events, and download them."""

from datetime import date, datetime, time, timedelta
from functools import partial

import streamlit as st

from auth.audit import Event
from auth.errors import InvalidDetails
from features.audit_log import rules, words
from features.audit_log.rules import EventFilter, LoggedEvent
from web.details import local, show_ago
from web.pager import Pager
from web.tab import visit
from web.words import event_in_words

auth, session = visit().auth, visit().session


def moment(day: date | None, later: timedelta = timedelta(0)) -> datetime | None:
    """Return the beginning of *day* in the visitor's time zone, or some days *later*."""
    zone = local(auth.now()).tzinfo
    return datetime.combine(day + later, time.min, zone) if day else None


def show_event(entry: LoggedEvent) -> None:
    """Draw one event."""
    known = entry.event in set(Event)
    what = event_in_words(Event(entry.event)) if known else entry.event
    about = entry.email or entry.user_id or ""
    by = f" · by {entry.by_email or entry.by_id}" if entry.by_id else ""
    with st.container(gap=None, key=f"event_{entry.id}"):
        st.text(" · ".join(filter(None, [what, entry.detail, about])))
        show_ago(entry.at, auth.now(), after=by + (f" · {entry.ip}" if entry.ip else ""))


st.title("Audit log")
with st.container(horizontal=True, vertical_alignment="bottom", key="search"):
    typed = st.text_input("User", placeholder="Email or account id")
    event = st.selectbox(
        "Event",
        [None, *sorted(Event, key=event_in_words)],
        format_func=lambda each: event_in_words(each) if each else "All",
    )
with st.container(horizontal=True, vertical_alignment="bottom", key="days"):
    since = st.date_input("From", value=None)
    until = st.date_input("Until", value=None)
try:
    user_id = rules.find_user_id(auth, session, typed)
except InvalidDetails as refusal:
    st.error(refusal.errors["user"][0])
    st.stop()
wanted = EventFilter(user_id, event, moment(since), moment(until, timedelta(days=1)))
pager = Pager("audit_log", wanted)
found = rules.list_events(auth, session, wanted, pager.cursor)
for entry in found[: rules.PAGE]:
    show_event(entry)
if not found:
    st.caption(words.NOTHING)
last = found[rules.PAGE - 1] if len(found) > rules.PAGE else None
pager.show(last and (last.at, last.id))
st.download_button(
    "Download as CSV",
    data=partial(rules.export_csv, auth, session, wanted),
    file_name="audit.csv",
    mime="text/csv",
    on_click="ignore",
)
st.caption(words.FILE.format(most=rules.EXPORTED))
