"""The visitor's browser: what its connection says, and the bridge that carries its cookie.

A script cannot set a cookie. It can ask a component in the page to, and a rerun removes a component
that has not run yet. So a write waits in the tab's state, is mounted on every run, and is dropped
when the browser reports that it is done: nothing sleeps and nothing is lost.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import Protocol

import streamlit as st
from streamlit import config
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx

from auth.users import Login
from web import bounds
from web.tab import Asker

# Our server tells the script the cookie's name in this header of the handshake, and removes one
# that a client sends: where it is there, our routes are there.
MARK = "X-Auth-Cookie"
SOCKET = "X-Auth-Socket"  # and the number under which our gate counts this connection in this one
SLOT = "cookies"
# An address as some proxies write it, with the port it came from: 192.0.2.7:443, [2001:db8::1]:443.
WITH_PORT = re.compile(r"(?:\[([^\]]*)\]|([^:]*))(?::[0-9]{1,5})?")


class Bridge(Protocol):
    """One way to carry the token between the browser and the script."""

    def sync(self, slot: DeltaGenerator) -> None:
        """Take up what the browser has answered; mount in *slot* what it still has to do."""

    def cookie_token(self) -> str | None:
        """Return the token that the browser presents, or None."""

    def is_ready(self, slot: DeltaGenerator) -> bool:
        """Return whether the browser has had its chance to present one; ask it in *slot* if not."""

    def keep(self, login: Login) -> None:
        """Have the browser keep the token of *login*; a write still on its way is superseded."""

    def forget(self, token: str | None) -> None:
        """Have the browser forget the token of the session of *token*, and no later one."""

    def newest_token(self, slot: DeltaGenerator, asker: Asker) -> str | None:
        """Return the browser's newest token; None where it has none, or has not answered yet.

        The page is asked in *slot*. For the GUARD the run is held until the answer is here, or a
        few seconds: a run that ended without it would take the page away, and a submitted form
        with it. The WATCH asks again in its next run.
        """


def http_only_cookie() -> str | None:
    """Return the name of the HttpOnly cookie where our own server serves, or None."""
    return _text(st.context.headers.get(MARK))


def cookie(name: str) -> str | None:
    """Return a cookie of the handshake; sent twice it counts as not sent (RFC 6265, 8.6)."""
    pairs = (_text(st.context.headers.get("Cookie")) or "").split(";")
    if sum(pair.strip().startswith(f"{name}=") for pair in pairs) > 1:
        return None
    return _text(st.context.cookies.get(name))


def note_user(user: str | None) -> None:
    """Tell the gate which user is signed in in this tab, by id; None for a signed-out visitor."""
    context = get_script_run_ctx(suppress_warning=True)
    if context and bounds.SIGNED_IN_TABS.get(context.session_id) != user:
        number = _text(st.context.headers.get(SOCKET)) or ""
        bounds.note_user(int(number) if number.isdecimal() else 0, context.session_id, user)


def user_agent() -> str:
    """Return what the browser says that it is, or nothing."""
    return _text(st.context.headers.get("User-Agent")) or ""


def ip(trusted_proxies: int) -> str:
    """Return the client's IP address, or "" where the connection does not name it."""
    forwarded = st.context.headers.get_all("X-Forwarded-For")
    return client_ip(_text(st.context.ip_address), forwarded, trusted_proxies)


def is_local() -> bool:
    """Return whether the visitor's browser runs on this machine, with no proxy in between.

    Streamlit names no address for such a connection.
    """
    peer = st.context.ip_address
    forwarded = st.context.headers.get_all("X-Forwarded-For")
    return st.context.url is not None and not forwarded and (peer is None or _is_loopback(peer))


def _is_loopback(ip: str) -> bool:
    try:
        return ip_address(ip).is_loopback
    except ValueError:
        return False


def client_ip(peer: str | None, forwarded: Sequence[str], trusted_proxies: int) -> str:
    """Return the client's IP address, or "" where no trusted source names it.

    *peer* is the other end of the connection; *forwarded* are the X-Forwarded-For headers. Each of
    our proxies appends the address it was called from, so with *trusted_proxies* of them the client
    is that many from the right; anything further left the visitor may have written. Where there
    should be no proxy but the header is there, the peer may be one and is not trusted either: all
    its visitors would count as one known network (TH-4).
    """
    named = peer or ""
    chain = [part.strip() for header in forwarded for part in header.split(",")]
    if trusted_proxies:
        named = chain[-trusted_proxies] if len(chain) >= trusted_proxies else ""
    elif chain:
        named = ""
    if match := WITH_PORT.fullmatch(named):
        named = match[1] or match[2]
    try:
        ip = ip_address(named)
    except ValueError:
        return ""
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ip)


def page_was_open() -> bool:
    """Return whether the page was there before this run: it has sent what stands in its widgets."""
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and bool(context.session_state.get_widget_states())


def base_path() -> str:
    """Return the path that the app lives under, such as "/" or "/app"."""
    return "/" + str(config.get_option("server.baseUrlPath")).strip("/")


def local_url() -> str:
    """Return the URL that Streamlit serves the app at on this machine, for links in development."""
    scheme = "https" if config.get_option("server.sslCertFile") else "http"
    path = base_path()
    return f"{scheme}://localhost:{config.get_option('server.port')}{path.rstrip('/')}"


def slot() -> DeltaGenerator:
    """Return the first place of the page, empty: it is always there, so nothing after it moves."""
    return st.empty()


def fill(slot: DeltaGenerator) -> DeltaGenerator:
    """Return a container in *slot* for components that show nothing, out of the page's flow."""
    container = slot.container(key=SLOT)
    container.html(
        f"<style>:has(> .st-key-{SLOT}), .st-key-{SLOT} {{ position: absolute; }} "
        f".st-key-{SLOT} {{ opacity: 0; pointer-events: none; }}</style>"  # no grey box meanwhile
    )
    return container


def _text(value: object) -> str | None:
    """Return *value* where it is some text: a test without a browser answers with stand-ins."""
    return value if isinstance(value, str) and value else None
