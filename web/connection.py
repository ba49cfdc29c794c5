"""The visitor's browser: what its connection reveals, and the bridge for its cookie.

A script cannot set a cookie. It can ask a component in the page to do so, but a rerun removes a
component that has not run yet. So a write waits in the tab's state, is mounted on every run, and is
dropped once the browser reports that it is done: nothing sleeps and nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import streamlit as st
from streamlit import config, runtime
from streamlit.delta_generator import DeltaGenerator
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server.starlette.starlette_app_utils import decode_xsrf_token_string
from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME

from web import sockets

if TYPE_CHECKING:
    from auth.users import Login
    from web.tab import Asker

# In this handshake header our server passes the cookie's name to the script. It removes one sent by
# a client, so where the header is present our routes are too.
MARK = "X-Auth-Cookie"
SOCKET = "X-Auth-Socket"  # in this one, the number under which our gate counts this connection
CONTAINER = "cookies"
PATH = re.compile(r"[\w-]{1,100}", re.ASCII)
# An IP address as some proxies write it, with a port: 192.0.2.7:443, [2001:db8::1]:443.
WITH_PORT = re.compile(r"(?:\[([^\]]*)\]|([^:]*))(?::[0-9]{1,5})?")


class Bridge(Protocol):
    """A way to carry the token between the browser and the script."""

    def sync(self, placeholder: DeltaGenerator) -> None:
        """Process the browser's answers; mount in *placeholder* what it still has to do."""

    def cookie_token(self) -> str | None:
        """Return the token in the browser's cookie, or None."""

    def is_ready(self, placeholder: DeltaGenerator) -> bool:
        """Return whether the browser's cookie is known yet; if not, ask for it in *placeholder*."""

    def keep(self, login: Login) -> None:
        """Store the token of *login* in the browser, in place of any write still under way."""

    def forget(self, token: str | None) -> None:
        """Delete the browser's cookie, unless it belongs to a later session than *token*'s."""

    def newest_token(self, placeholder: DeltaGenerator, asker: Asker) -> str | None:
        """Return the browser's newest token; None if it has none, or has not answered yet.

        Asks the page in *placeholder*. For the GUARD this holds the run until the answer arrives,
        for a few seconds at most: a run that ended without it would remove the page, and with it a
        submitted form. The WATCH asks again in its next run.
        """


def http_only_cookie() -> str | None:
    """Return the name of the HttpOnly cookie under our own server, None elsewhere."""
    return _text(st.context.headers.get(MARK))


def cookie(name: str) -> str | None:
    """Return a cookie of the handshake; one sent twice counts as not sent (RFC 6265, 8.6)."""
    pairs = (_text(st.context.headers.get("Cookie")) or "").split(";")
    if sum(pair.strip().startswith(f"{name}=") for pair in pairs) > 1:
        return None
    return _text(st.context.cookies.get(name))


def browser() -> str:
    """Return a random value that this visitor's browser keeps, or "" if it sends none."""
    if name := http_only_cookie():
        from web.edge import browser_cookie  # with pydantic: not before the server answers

        return cookie(browser_cookie(name)) or ""
    protocols = _text(st.context.headers.get("Sec-WebSocket-Protocol")) or ""
    return next(iter(page_tokens(cookie(XSRF_COOKIE_NAME), protocols)), "")


def device() -> str:
    """Return the cookie of a device that its user trusts; only our own server sets one."""
    from web.edge import device_cookie  # with pydantic: not before the server answers

    name = http_only_cookie()
    return (cookie(device_cookie(name)) or "") if name else ""


def page_tokens(cookie: str | None, protocols: str) -> list[str]:
    """Return the random part of Streamlit's XSRF token, as a connection sends it.

    The page's script also sends it in *protocols*: it remains where a host strips the *cookie*.
    """
    named = protocols.split(",")
    tokens = (cookie, named[1].strip() if len(named) > 1 else None)
    raw = (decode_xsrf_token_string(token)[0] for token in tokens if token)
    return [f"xsrf {each.hex()}" for each in raw if each and len(each) >= 16]


def note_user(user: str | None) -> None:
    """Report this tab's signed-in user to the gate, by id; None for a signed-out visitor.

    A signed-out visitor is always reported: the gate may still count them as a user whose session
    has ended since the connection was opened.
    """
    context = get_script_run_ctx(suppress_warning=True)
    if context and (user is None or sockets.SIGNED_IN_TABS.get(context.session_id) != user):
        sockets.note_user(_socket(), context.session_id, user)


def let_others_run() -> None:
    """Let other signed-out pages run: this one has ended, or waits for something else."""
    sockets.let_others_run(_socket())


def _socket() -> int:
    """Return the gate's number of this tab's websocket; 0 without a gate."""
    number = _text(st.context.headers.get(SOCKET)) or ""
    return int(number) if number.isdecimal() else 0


def user_agent() -> str:
    """Return the browser's User-Agent, or an empty text."""
    return _text(st.context.headers.get("User-Agent")) or ""


def ip(trusted_proxies: int) -> str:
    """Return the client's IP address, or "" if it is unknown."""
    forwarded = st.context.headers.get_all("X-Forwarded-For")
    return client_ip(_text(st.context.ip_address), forwarded, trusted_proxies)


def is_local() -> bool:
    """Return whether the visitor's browser runs on this machine, with no proxy in between."""
    from web.streamlit_hooks import is_local as is_local_tab  # which imports this module

    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and runtime.exists() and is_local_tab(context.session_id)


def client_ip(peer: str | None, forwarded: Sequence[str], trusted_proxies: int) -> str:
    """Return the client's IP address, or "" if no trusted source names it.

    *peer* is the other end of the connection; *forwarded* are the X-Forwarded-For headers. Each of
    our proxies appends the IP address that called it, so with *trusted_proxies* of them the client
    is that many from the right; the visitor may have written anything further left. If the header
    is present but no proxy is configured, the peer may be a proxy and isn't trusted either: all its
    visitors would count as one known network (TH-4).
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
    """Return whether the page was open before this run; if so, it has sent its widgets' values."""
    context = get_script_run_ctx(suppress_warning=True)
    return context is not None and bool(context.session_state.get_widget_states())


def base_path() -> str:
    """Return the path that the app is served under, such as "/" or "/app"."""
    return "/" + str(config.get_option("server.baseUrlPath")).strip("/")


def requested_path() -> str:
    """Return the path that the browser is at, below the app's own; "" for one no page can have."""
    try:
        url = urlsplit(st.context.url or "")
    except ValueError:  # a visitor may send any text
        return ""
    path = url.path.removeprefix(base_path()).strip("/")
    return path if PATH.fullmatch(path) else ""


def local_url() -> str:
    """Return the app's URL on this machine, for links in development."""
    scheme = "https" if config.get_option("server.sslCertFile") else "http"
    path = base_path()
    return f"{scheme}://localhost:{config.get_option('server.port')}{path.rstrip('/')}"


def placeholder() -> DeltaGenerator:
    """Return an empty placeholder at the top of the page; it always exists, so nothing moves."""
    return st.empty()


def fill(placeholder: DeltaGenerator) -> DeltaGenerator:
    """Return a container in *placeholder* for invisible components, outside the page's flow."""
    container = placeholder.container(key=CONTAINER)
    own = f".st-key-{CONTAINER}"
    container.html(
        f"<style>:has(> {own}), {own} {{ position: absolute; }} "
        f"{own} {{ opacity: 0; pointer-events: none; }}</style>"  # no grey box meanwhile
    )
    return container


def _text(value: object) -> str | None:
    """Return *value* if it is non-empty text: tests without a browser supply mock objects."""
    return value if isinstance(value, str) and value else None
