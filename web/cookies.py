"""The cookie in the browser: read at the handshake, written through the CookieManager.

A script cannot set a cookie. It can ask a component in the page to, and a rerun takes away a
component that has not run yet. So a write waits in the tab's state, is mounted on every run, and
is dropped when the browser reports that it is done: nothing sleeps and nothing is lost.
"""

from datetime import UTC, datetime
from secrets import token_hex
from urllib.parse import urlsplit

import streamlit as st
from extra_streamlit_components import CookieManager
from streamlit import config
from streamlit.delta_generator import DeltaGenerator

from web.tab import Write, tab

PROBE = "_cookie_probe"
SLOT = "cookies"
LONG_AGO = datetime.fromtimestamp(0, UTC)


def handshake_cookie(name: str) -> str | None:
    """Return the cookie that the connection's first request brought; it does not change later."""
    value = st.context.cookies.get(name)
    return value if isinstance(value, str) and value else None


def can_ask_browser() -> bool:
    """Tell whether there is a page to ask; a test without a browser has none."""
    return st.context.url is not None


def ask_browser() -> None:
    """Ask the page for its cookies: some hosts strip them from the handshake.

    The answer comes with a run of its own, in which `hear_browser` takes it down.
    """
    with _slot():
        CookieManager(key=PROBE)


def hear_browser(name: str) -> None:
    """Keep the page's answer, if this run brought it: Streamlit forgets it with the component."""
    answer = st.session_state.get(PROBE)
    if isinstance(answer, dict):
        value = answer.get(name)
        tab().told, tab().brought = True, value if isinstance(value, str) else None


def write_cookie(value: str, expires_at: datetime) -> None:
    """Have the browser keep *value*; an earlier write that has not arrived is superseded."""
    tab().write = Write(value, expires_at, key=f"_cookie_write_{token_hex(4)}")


def delete_cookie() -> None:
    """Have the browser forget the cookie."""
    write_cookie("", LONG_AGO)


def settle_write(name: str) -> None:
    """Mount the write that is waiting, if one is, until the browser has confirmed it."""
    held = tab()
    if held.write is None:
        return
    if st.session_state.get(held.write.key):
        held.write = None
        return
    with _slot():
        # Not the manager's delete(): it knows the path "/" alone, and a deletion must name the
        # path that the cookie was set with.
        CookieManager(key=f"{held.write.key}_all").set(
            name,
            held.write.value,
            key=held.write.key,
            path=_path(),
            expires_at=held.write.expires_at,
            max_age=max(0.0, (held.write.expires_at - datetime.now(UTC)).total_seconds()),
            secure=_is_https(),
            same_site="lax",
        )


def _slot() -> DeltaGenerator:
    """Return a container outside the page's flow: what is in it shows nothing and takes no room."""
    st.html(f"<style>.st-key-{SLOT} {{ position: absolute; }}</style>")
    return st.container(key=SLOT)


def _path() -> str:
    base = str(config.get_option("server.baseUrlPath")).strip("/")
    return f"/{base}" if base else "/"


def _is_https() -> bool:
    return urlsplit(st.context.url or "").scheme == "https"
