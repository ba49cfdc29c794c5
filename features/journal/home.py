"""The journal on the home page: a form, a chart of the latest days, and the entries."""

from collections.abc import Sequence
from datetime import date, timedelta

import streamlit as st

from features.journal import rules, words
from features.journal.rules import Entry
from web.details import local
from web.form import Form
from web.tab import Go, Say, tab, visit

DAYS = 14  # in the chart


def add(day: date, text: str, minutes: int) -> Go:
    """Write an entry of the signed-in user; the page begins again, with an empty form."""
    rules.add_entry(visit().auth, visit().session, day, text, minutes)
    return Go(notice=words.SAVED)


def delete(ids: Sequence[int]) -> Say:
    """Delete entries of the signed-in user."""
    rules.delete_entries(visit().auth, visit().session, ids)
    return Say(words.DELETED)


def show_home() -> None:
    """Draw the journal of the signed-in user."""
    today = local(visit().auth.now()).date()
    st.header(words.TITLE, anchor=False)
    if not visit().auth.settings.production:
        st.caption(words.EXAMPLE)
    entries = rules.list_entries(visit().auth, visit().session)
    newest = max((each.id for each in entries), default=0)
    form = Form("add_entry")
    with form, st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(words.ASK, width="stretch", key=f"entry_after_{newest}")
        minutes = st.number_input("Minutes", 1, rules.MOST_MINUTES, 30, 15, width=130)
        form.button("Add", width="content")
    form.errors("text")
    # Saving has emptied the field: a late click of the same burst is no new entry.
    if text or not form.answered or tab().notice != words.SAVED:
        form.submit(add, today, text, minutes)

    if not entries:
        st.caption(words.NONE_YET)
        return
    _draw_days(entries, today)
    _list(entries)


def _draw_days(entries: Sequence[Entry], today: date) -> None:
    """Draw the minutes of each of the latest days."""
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    minutes = [sum(each.minutes for each in entries if each.day == day) for day in days]
    data = {"Day": [f"{day:%b} {day.day}" for day in days], "Minutes": minutes}
    st.bar_chart(data, x="Day", y="Minutes", x_label="", sort=False, height=180)


def _list(entries: Sequence[Entry]) -> None:
    """List the entries; those that are selected can be deleted."""
    rows = [{"Day": each.day, "What": each.text, "Minutes": each.minutes} for each in entries]
    chosen = st.dataframe(
        rows, hide_index=True, key="journal", on_select="rerun", selection_mode="multi-row"
    ).selection.rows
    ids = [entries[row].id for row in chosen if row < len(entries)]
    if ids:
        form = Form("delete_entries")
        form.button(f"Delete {len(ids)} selected", kind="secondary", width="content")
        form.submit(delete, ids)
