"""The bridge under our own server: the cookie by an HTTP answer, out of JavaScript's reach.

The script hands the page a ticket, a component posts it, the answer sets the cookie: the token
itself passes through no script in the page, no URL and no log.
"""

from pathlib import Path
from secrets import token_hex

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth import hand_off
from auth.service import AuthService
from auth.users import Login
from web import connection
from web.answers import expected, hold_run
from web.edge import SESSION_PATH, TICKET_PATH, browser_cookie
from web.tab import Asker, Write, clear_tab, tab
from web.words import BLOCKED

_courier = st.components.v2.component(
    "auth_courier", js=Path(__file__).with_name("courier.js").read_text()
)


class HttpOnlyBridge:
    """Reads the handshake, which carries HttpOnly cookies too; writes by a request of the page."""

    def __init__(self, auth: AuthService, name: str) -> None:
        self._auth = auth
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
            self._auth.log_out(write.login.token)
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
        ticket = hand_off.create_ticket(self._auth, login.token, nonce)
        tab().write = Write(login, key=f"_cookie_{token_hex(4)}", ticket=ticket)

    def forget(self, token: str | None) -> None:
        """Have the page ask for the end of the cookie, if it is still that of this session."""
        mark = hand_off.mark_of(self._auth, token)
        tab().write = Write(None, key=f"_cookie_{token_hex(4)}", ended=mark)

    def newest_token(self, slot: DeltaGenerator, asker: Asker) -> str | None:
        """Have the page post a ticket of this tab's own making, which the cookie makes good."""
        questions = tab().questions
        if (ticket := questions.get(asker)) and (token := self._exchange(ticket)):  # meanwhile
            del questions[asker]
            return token
        ticket = questions.setdefault(asker, f"_ask_{token_hex(16)}")
        waits = asker is Asker.GUARD
        with expected(ticket) as answered:
            done = _send(slot, ticket, "POST", TICKET_PATH, {"ticket": ticket}, quiet=waits)
            if done is None and waits:
                hold_run(answered)
        if done is None and not waits:
            return None
        del questions[asker]
        return self._exchange(ticket)

    def _mount(self, write: Write, slot: DeltaGenerator) -> bool | None:
        """Render the courier and return its answer: done, not done, or nothing yet."""
        if write.login:
            return _send(slot, write.key, "POST", SESSION_PATH, {"ticket": write.ticket})
        return _send(slot, write.key, "DELETE", SESSION_PATH, {"mark": write.ended})

    def _exchange(self, ticket: str) -> str | None:
        """Return the newest token of the browser that has approved this tab's *ticket*."""
        login = hand_off.exchange_ticket(self._auth, ticket, ticket)
        return login.token if login else None


def _send(
    slot: DeltaGenerator,
    key: str,
    method: str,
    path: str,
    body: dict[str, str | None],
    *,
    quiet: bool = False,
) -> bool | None:
    """Have the page send *body* once, and return whether it was accepted; None while under way.

    A *quiet* one brings no further run when it was.
    """
    with connection.fill(slot):
        courier = _courier(
            key=key,
            data={
                "key": key,
                "method": method,
                "path": connection.base_path().rstrip("/") + path,
                "body": body,
                "quiet": quiet,
            },
            on_done_change=_nothing,  # Streamlit's way to be told of `done` at all
        )
    done: bool | None = courier.get("done")
    return done


def _nothing() -> None:
    """Do nothing: the next run reads the answer."""
