"""The bridge for plain `streamlit run app.py`: the cookie by JavaScript, through CookieManager.

JavaScript can read what it writes, so this cookie is never HttpOnly; under `server.py` it is.
"""

from dataclasses import replace
from datetime import UTC, datetime
from secrets import token_hex
from threading import Event
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from auth import hand_off
from auth.service import AuthService
from auth.users import Login
from web import connection
from web.http_only import hold_run
from web.tab import Asker, Question, Write, tab
from web.words import RELOADED

if TYPE_CHECKING:
    from extra_streamlit_components import CookieManager

PROBE = "_cookie_probe"
EPOCH = datetime.fromtimestamp(0, UTC)


class CookieManagerBridge:
    """Reads the handshake first; asks the page only if the host strips cookies from it."""

    def __init__(self, auth: AuthService, name: str) -> None:
        self._auth = auth
        self._name = name

    def sync(self, placeholder: DeltaGenerator) -> None:
        """Process the page's answers, and mount the pending write."""
        held = tab()
        answer = st.session_state.get(PROBE)
        if isinstance(answer, dict):  # Streamlit drops it with the component
            value = answer.get(self._name)
            held.question = Question.ANSWERED
            held.answer = value if isinstance(value, str) else None
        if held.write and st.session_state.get(held.write.key):
            held.write = None
        if held.write:
            self._mount(held.write, placeholder)

    def cookie_token(self) -> str | None:
        """Return the handshake's token, or the one reported by the page."""
        return connection.cookie(self._name) or tab().answer

    def is_ready(self, placeholder: DeltaGenerator) -> bool:
        """Return whether the page has answered, cannot, or took too long; ask it if not."""
        held = tab()
        if held.question is Question.ANSWERED or self.cookie_token() or held.write:
            return True
        if st.context.url is None:  # no page to ask: a test without a browser
            return True
        was_open = connection.page_was_open()  # read first: the question is a widget, too
        with connection.fill(placeholder):
            _manager(PROBE)
        if held.question is not Question.NOT_ASKED:
            return True  # a second run without an answer: wait no longer, but still listen
        held.question = Question.ASKED
        if was_open:
            # The server was restarted under an open page: its submitted form can only be processed
            # in this run. If only the answer can sign the user in, they have to submit it again.
            held.notice = RELOADED
        return was_open

    def keep(self, login: Login) -> None:
        """Have the page write the token."""
        # A tab that is already signed in continues its session: there is none to replace.
        signed_in = tab().owner is not None
        tab().write = Write(login, key=f"_cookie_{token_hex(4)}", checked=signed_in)

    def forget(self, token: str | None) -> None:
        """Have the page delete the token if it still belongs to this session."""
        mark = hand_off.mark_of(self._auth, token)
        tab().write = Write(None, key=f"_cookie_{token_hex(4)}", ended=mark)

    def newest_token(self, placeholder: DeltaGenerator, asker: Asker) -> str | None:
        """Read the cookie in the page; its token counts as presented: a copy ends the session."""
        questions = tab().questions
        key = questions.setdefault(asker, f"_cookie_ask_{token_hex(4)}")
        cookies = st.session_state.get(key)
        if not isinstance(cookies, dict):
            if st.context.url is None:  # no page to ask: a test without a browser
                return None
            with connection.fill(placeholder):
                _manager(key)
            if asker is Asker.WATCH:
                return None
            hold_run(Event())  # the answer ends this run, and the next one reads it
        del questions[asker]
        token = cookies.get(self._name) if isinstance(cookies, dict) else None
        session = self._auth.session(token) if isinstance(token, str) else None
        is_newest = session is not None and session.newest and not session.end_reason
        return token if is_newest else None

    def _check(self, write: Write, cookie: object) -> bool:
        """Return whether *write* may replace *cookie*, the browser's current one.

        A session that a log-in replaces ends (SE-1); a log-out leaves the cookie of a later log-in.
        """
        found = cookie if isinstance(cookie, str) else None
        if write.login is None:
            return hand_off.close_cookie(self._auth, found, write.ended)
        hand_off.end_replaced(self._auth, write.login.token, found)
        return True

    def _mount(self, write: Write, placeholder: DeltaGenerator) -> None:
        """Render the write, once the page has reported its current cookie.

        CookieManager.delete() knows only the path "/", so an expiry in the past deletes.
        """
        key = f"{write.key}_all"
        before = st.session_state.get(key)
        if not write.checked and isinstance(before, dict):
            if not self._check(write, before.get(self._name)):
                tab().write = None
                return
            tab().write = write = replace(write, checked=True)
        if not write.checked:
            with connection.fill(placeholder):
                _manager(key)
            return
        expires_at = write.login.expires_at if write.login else EPOCH
        with connection.fill(placeholder):
            _manager(key).set(
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
    """Mount a manager under *key*; a new one each time, as a shared one would mix up visitors."""
    from extra_streamlit_components import CookieManager  # most processes never need it

    return CookieManager(key=key)
