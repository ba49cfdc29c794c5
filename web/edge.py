"""The app's edge to the network: its hosts and origins, its cookies, and the headers it trusts."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette._utils import get_route_path  # private: Starlette matches its own routes by it
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

from auth.errors import Unavailable
from settings import PORTS, Settings, Site, read_authority, read_site

if TYPE_CHECKING:  # with SQLAlchemy, which no page has to wait for
    from auth.service import AuthService

SESSION_PATH = "/auth/session"
TICKET_PATH = "/auth/ticket"
LONGEST_ORIGIN = 300  # characters; a host has 253 at most
LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})  # hosts in development


def _unavailable() -> "AuthService":
    raise Unavailable


@dataclass(frozen=True)
class Edge:
    """The app as its visitors reach it; shared by the middleware and the routes.

    *base_path* is "/" or a path such as "/app". *service* returns the process's AuthService, or
    raises Unavailable.
    """

    settings: Settings
    base_path: str = "/"
    service: "Callable[[], AuthService]" = _unavailable

    def is_secure(self, scope: Scope) -> bool:
        """Return whether the visitor uses https, as far as we can know."""
        return self.settings.site.scheme == "https" or self._came_by_https(scope)

    def _came_by_https(self, scope: Scope) -> bool:
        """Return whether this connection is https, itself or as reported by a trusted proxy.

        If the header is present, the scheme may only repeat it: uvicorn trusts the header from
        every client on this machine.
        """
        proto = Headers(scope=scope).get("x-forwarded-proto")
        if proto is not None:
            return self.settings.trusted_proxies > 0 and proto.strip() == "https"
        return scope["scheme"] in {"https", "wss"}

    def cookie_name(self, scope: Scope) -> str:
        """Return the cookie's name with the strictest prefix that browsers will enforce (CK-2).

        `__Host-` requires https and the path "/"; under another path it is `__Secure-`; on plain
        http, in development, there is none.
        """
        if not self.is_secure(scope):
            return self.settings.cookie_name
        prefix = "__Host-" if self.base_path == "/" else "__Secure-"
        return prefix + self.settings.cookie_name

    def cookie_line(self, scope: Scope, name: str, value: str, max_age: int | None) -> str:
        """Return a Set-Cookie line: never for JavaScript, never for another site (CK-1, CK-3).

        *max_age* is in seconds: 0 deletes, None lasts as long as the browser runs.
        """
        parts = [f"{name}={value}", f"Path={self.base_path}", "HttpOnly", "SameSite=Lax"]
        if max_age is not None:
            parts.append(f"Max-Age={max_age}")
        if self.is_secure(scope):
            parts.append("Secure")
        return "; ".join(parts)

    def knows_host(self, host: str) -> bool:
        """Return whether *host*, as in the Host header, names the app, in any spelling.

        In development the names of this machine are accepted too, with any port.
        """
        if self.settings.site.is_at(host):
            return True
        try:
            name, _ = read_authority(host)
        except ValueError:
            return False
        return not self.settings.production and name in LOCAL

    def origins(self, scope: Scope, host: str) -> frozenset[str]:
        """Return the origins of pages that may open a websocket to *host*, a known host.

        Scheme, host and port must be equal: in production those of BASE_URL only. In development
        all names of this machine are one app, on the requested port, so that a tunnel or a
        container may move it. A page on another port of this machine is foreign.
        """
        site = self.settings.site
        own = {site.origin} if site.is_at(host) else set()
        name, port = read_authority(host)
        if not self.settings.production and name in LOCAL:
            scheme = "https" if self._came_by_https(scope) else "http"
            own |= {Site(scheme, local, port or PORTS[scheme]).origin for local in LOCAL}
        return frozenset(own)

    def is_own_request(self, headers: Headers) -> bool:
        """Return whether a request comes from the app's own page; required for changes (CK-5)."""
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in {"same-origin", "none"}
        origin = headers.get("origin", "")
        if len(origin) > LONGEST_ORIGIN:
            return False
        try:
            return read_site(origin).is_at(headers.get("host", ""))
        except ValueError:  # "null", or none at all
            return False


def path_of(scope: Scope) -> str:
    """Return the request's path relative to the app's routes.

    Under `uvicorn --root-path` the scope's path begins with that prefix; the routes' paths don't.
    """
    return get_route_path(scope)


def plain(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Return the header; a Cookie header loses the cookies that no app of ours sets.

    Python before 3.11.10 and 3.12.6 undoes escapes in quadratic time: 60 KB take it 14 seconds
    (CVE-2024-7592). And a name that begins with the byte A0 or 85 has no prefix for a browser, so
    that any subdomain may set it, and loses that byte where Python reads it as a blank (CK-2).
    """
    if name == b"cookie" and (b"\\" in value or not value.isascii()):
        value = b";".join(cookie for cookie in value.split(b";") if _is_plain(cookie))
    return name, value


def _is_plain(cookie: bytes) -> bool:
    return b"\\" not in cookie and cookie.partition(b"=")[0].isascii()


def cookies_of(scope: Scope) -> dict[str, str]:
    """Return the request's cookies; one sent twice counts as not sent (CK-4)."""
    raw = b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
    text = raw.decode("latin-1")
    counts = Counter(pair.partition("=")[0].strip() for pair in text.split(";"))
    return {name: value for name, value in cookie_parser(text).items() if counts[name] == 1}


def browser_cookie(name: str) -> str:
    """Return the name of the cookie with the browser's nonce, beside the session cookie *name*."""
    return f"{name}_browser"


def device_cookie(name: str) -> str:
    """Return the name of the cookie of a device that its user trusts, beside *name*."""
    return f"{name}_device"
