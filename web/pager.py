"""Pages of a long list, each found by the last row before it: the last is as fast as the first."""

from typing import Any

import streamlit as st


class Pager:
    """The place in the list *name*; another *query* begins at its first page.

    pager = Pager("invitations")
    rows = list_invitations(auth, session, pager.cursor)
    pager.show(rows[-1].id if more else None)
    """

    def __init__(self, name: str, query: object = None) -> None:
        self._key = f"pager_{name}"
        kept = st.session_state.get(self._key)
        self._query, self._cursors = kept if kept and kept[0] == query else (query, [])

    @property
    def cursor(self) -> Any:
        """Where this page begins: None for the first, else what the page before gave to `show`."""
        return self._cursors[-1] if self._cursors else None

    def show(self, following: Any) -> None:
        """Draw the buttons to the other pages; *following* is the next one's cursor, or None."""
        if not self._cursors and following is None:
            return
        with st.container(horizontal=True, key=self._key + "_buttons"):
            if st.button("Previous", disabled=not self._cursors, key=f"{self._key}_previous"):
                self._turn(self._cursors[:-1])
            if st.button("Next", disabled=following is None, key=f"{self._key}_next"):
                self._turn([*self._cursors, following])

    def _turn(self, cursors: list[Any]) -> None:
        st.session_state[self._key] = (self._query, cursors)
        st.rerun()
