"""The security headers of every response: what the browser may load, frame, guess and disclose."""

import base64
import hashlib
import re
from pathlib import Path

import streamlit
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.edge import Edge, path_of

YEAR = 365 * 24 * 60 * 60  # seconds
# For a component's own frame: its author's scripts may be inline and compiled, but come only from
# this server, and the frame's data goes nowhere else (ASVS 5.0, 3.4.3).
COMPONENT_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'self'"
)
INDEX = Path(streamlit.__file__).parent / "static" / "index.html"


def content_security_policy() -> str:
    """Return the strictest policy that Streamlit 1.67 runs under; each exception has its reason."""
    inline = re.findall(rb"<script>(.*?)</script>", INDEX.read_bytes(), re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in inline]
    scripts = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return "; ".join(
        [
            "default-src 'self'",
            # blob: is how Streamlit loads a component whose script is given as text, as ours is;
            # the hashes are of the inline scripts in Streamlit's own page.
            f"script-src 'self' blob: {scripts}",
            "style-src 'self' 'unsafe-inline'",  # Streamlit's styles are made in the page
            "img-src 'self' data: blob:",  # icons in CSS, and pictures that a page makes
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "frame-src 'self'",  # version 1 components are frames from this server
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


class SecurityHeaders:
    """Pure ASGI middleware that adds the headers (CK-8) and keeps those a response already has."""

    def __init__(self, app: ASGIApp, edge: Edge) -> None:
        self._app = app
        self._edge = edge
        self._media = edge.base_path.rstrip("/") + "/media/"
        self._component = edge.base_path.rstrip("/") + "/component/"
        self._headers = {
            "Content-Security-Policy": content_security_policy(),
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the response back with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message), scope)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _add(self, headers: MutableHeaders, scope: Scope) -> None:
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        if self._edge.is_secure(scope):
            headers.setdefault("Strict-Transport-Security", f"max-age={YEAR}; includeSubDomains")
            _make_secure(headers)
        if path_of(scope).startswith(self._media):  # downloads of a user's data (ASVS 14.3.2)
            headers["Cache-Control"] = "private, no-store"
        if path_of(scope).startswith(self._component):
            # A component's own frame, shown by our page, has scripts of its own.
            headers["Content-Security-Policy"] = COMPONENT_POLICY
            headers["X-Frame-Options"] = "SAMEORIGIN"


def _make_secure(headers: MutableHeaders) -> None:
    """Add `Secure` to cookies that lack it: Streamlit does so only with its own certificate.

    No prefix: the script of Streamlit's page reads `_streamlit_xsrf` by that name to send it along,
    so it cannot be HttpOnly either. The cookie gives no access by itself (CK-2).
    """
    lines = headers.getlist("set-cookie")
    if all("secure" in _attributes(line) for line in lines):
        return
    del headers["set-cookie"]
    for line in lines:
        headers.append("set-cookie", line if "secure" in _attributes(line) else f"{line}; Secure")


def _attributes(line: str) -> set[str]:
    return {part.strip().lower() for part in line.split(";")[1:]}
