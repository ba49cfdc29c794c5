"""The bridge for plain `streamlit run app.py`: the cookie by JavaScript, through CookieManager.

What JavaScript writes it can also read: this cookie is never HttpOnly. `server.py` does better.
"""

from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth.users import Login
from web import connection
from web.tab import Write, tab

if TYPE_CHECKING:
    from extra_streamlit_components import CookieManager

PROBE = "_cookie_probe"
LONG_AGO = datetime.fromtimestamp(0, UTC)


class CookieManagerBridge:
    """Reads the handshake first; asks the page only where a host strips cookies from that."""

    def __init__(self, name: str) -> None:
        self._name = name

    def sync(self, slot: DeltaGenerator) -> None:
        """Take up the page's answers, and mount the write that is waiting."""
        held = tab()
        answer = st.session_state.get(PROBE)
        if isinstance(answer, dict):  # Streamlit forgets it with the component
            value = answer.get(self._name)
            held.told, held.brought = True, value if isinstance(value, str) else None
        if held.write and st.session_state.get(held.write.key):
            held.write = None
        if held.write:
            self._mount(held.write, slot)

    def cookie_token(self) -> str | None:
        """Return the handshake's token, or the one the page told."""
        return connection.cookie(self._name) or tab().brought

    def is_ready(self, slot: DeltaGenerator) -> bool:
        """Tell whether the page has answered, could not, or took too long; ask it meanwhile."""
        held = tab()
        if held.told or self.cookie_token() or held.write:
            return True
        if st.context.url is None:  # no page to ask: a test without a browser
            return True
        with connection.fill(slot):
            _manager(PROBE)
        # A second run without an answer is the end of our patience, but the ear stays open.
        out_of_patience, held.asked = held.asked, True
        return out_of_patience

    def keep(self, login: Login) -> None:
        """Have the page write the token."""
        tab().write = Write(login, key=f"_cookie_{token_hex(4)}")

    def forget(self) -> None:
        """Have the page delete the token."""
        tab().write = Write(None, key=f"_cookie_{token_hex(4)}")

    def _mount(self, write: Write, slot: DeltaGenerator) -> None:
        """Render the write. CookieManager.delete() knows the path "/" alone: an expiry deletes."""
        expires_at = write.login.expires_at if write.login else LONG_AGO
        with connection.fill(slot):
            _manager(f"{write.key}_all").set(
                self._name,
                write.login.token if write.login else "",
                key=write.key,
                path=connection.base_path(),
                expires_at=expires_at,  # aware: a naive one is a wrong moment in most time zones
                max_age=max(0.0, (expires_at - datetime.now(UTC)).total_seconds()),
                secure=urlsplit(st.context.url or "").scheme == "https",
                same_site="lax",
            )


def _manager(key: str) -> "CookieManager":
    """Mount a manager under *key*: one each time, as a shared one would mix up visitors."""
    from extra_streamlit_components import CookieManager  # most processes never need it

    return CookieManager(key=key)
