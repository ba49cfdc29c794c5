"""The bridge under our own server: the cookie by an HTTP answer, out of JavaScript's reach.

The script hands the page a ticket, a component posts it, the answer sets the cookie: the token
itself passes through no script in the page, no URL and no log.
"""

from pathlib import Path
from secrets import token_hex

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth.users import Login
from web import connection
from web.edge import SESSION_PATH, browser_cookie
from web.start import service
from web.tab import Write, clear_tab, tab

BLOCKED = (
    "Your browser did not keep the log-in. Allow cookies for this site, switch off what blocks "
    "requests on this page, and log in again."
)
_courier = st.components.v2.component(
    "auth_courier", js=Path(__file__).with_name("courier.js").read_text()
)


class HttpOnlyBridge:
    """Reads the handshake, which carries HttpOnly cookies too; writes by a request of the page."""

    def __init__(self, name: str) -> None:
        self._name = name

    def sync(self, slot: DeltaGenerator) -> None:
        """Mount the write that is waiting; a log-in that the browser refuses is taken back."""
        held = tab()
        if held.write is None:
            return
        done = self._mount(held.write, slot)
        if done is None:
            return
        write, held.write = held.write, None
        if write.login and not done:
            service().log_out(write.login.token)
            clear_tab()
            held.notice = BLOCKED

    def cookie_token(self) -> str | None:
        """Return the handshake's token."""
        return connection.cookie(self._name)

    def is_ready(self, slot: DeltaGenerator) -> bool:
        """Tell that there is nothing to ask: the handshake says it all."""
        return True

    def keep(self, login: Login) -> None:
        """Have the page exchange a ticket for the cookie, from this browser only."""
        # A browser that brought no nonce keeps no cookies: the ticket will fail, and that is told.
        nonce = connection.cookie(browser_cookie(self._name)) or token_hex(16)
        ticket = service().ticket(login.token, nonce)
        tab().write = Write(login, key=f"_cookie_{token_hex(4)}", ticket=ticket)

    def forget(self) -> None:
        """Have the page ask for the cookie's end."""
        tab().write = Write(None, key=f"_cookie_{token_hex(4)}")

    def _mount(self, write: Write, slot: DeltaGenerator) -> bool | None:
        """Render the courier and return its answer: done, not done, or nothing yet."""
        with connection.fill(slot):
            courier = _courier(
                key=write.key,
                data={
                    "key": write.key,
                    "method": "POST" if write.login else "DELETE",
                    "path": connection.base_path().rstrip("/") + SESSION_PATH,
                    "ticket": write.ticket,
                },
                on_done_change=_nothing,  # Streamlit's way to be told of `done` at all
            )
        done: bool | None = courier.get("done")
        return done


def _nothing() -> None:
    """Do nothing: the next run reads the answer."""
