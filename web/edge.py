"""Where the app ends and the network begins: its own names, its cookies, and whom it believes."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from starlette._utils import get_route_path  # private: what Starlette's own routes are found by
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import Scope

from auth.errors import Unavailable
from auth.service import AuthService
from settings import PORTS, Settings, Site, read_authority, read_site

SESSION_PATH = "/auth/session"
TICKET_PATH = "/auth/ticket"
LONGEST_ORIGIN = 300  # characters; a host has 253 at most
LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})  # what development is reached by


def _unavailable() -> AuthService:
    raise Unavailable


@dataclass(frozen=True)
class Edge:
    """The app as its visitors reach it: what the middleware and the routes go by.

    *base_path* is "/" or such as "/app". *service* returns the process's AuthService, or raises
    Unavailable.
    """

    settings: Settings
    base_path: str = "/"
    service: Callable[[], AuthService] = _unavailable

    def is_secure(self, scope: Scope) -> bool:
        """Return whether the visitor uses https, as far as we can know."""
        return self.settings.site.scheme == "https" or self._came_by_https(scope)

    def _came_by_https(self, scope: Scope) -> bool:
        """Return whether this connection is https, by itself or by the word of a trusted proxy.

        Where the header is present, the scheme may be its echo: uvicorn believes it of every client
        on this machine.
        """
        proto = Headers(scope=scope).get("x-forwarded-proto")
        if proto is not None:
            return self.settings.trusted_proxies > 0 and proto.strip() == "https"
        return scope["scheme"] in {"https", "wss"}

    def cookie_name(self, scope: Scope) -> str:
        """Return the cookie's name with the prefix that makes browsers hold us to it (CK-2).

        `__Host-` asks for https and the path "/"; under another path `__Secure-` is left; on plain
        http, in development, neither.
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
        """Return whether *host*, as in the Host header, names the app, however it is spelled.

        In development the names of this machine do too, with any port.
        """
        if self.settings.site.is_at(host):
            return True
        try:
            name, _ = read_authority(host)
        except ValueError:
            return False
        return not self.settings.production and name in LOCAL

    def origins(self, scope: Scope, host: str) -> frozenset[str]:
        """Return the origins whose pages may open a websocket to *host*, which is known.

        Scheme, host and port must be equal: in production those of BASE_URL and nothing else. In
        development the names of this machine are one app, on the port that was asked for, so that a
        tunnel or a container may move it; a page on another port of this machine is a foreign one.
        """
        site = self.settings.site
        own = {site.origin} if site.is_at(host) else set()
        name, port = read_authority(host)
        if not self.settings.production and name in LOCAL:
            scheme = "https" if self._came_by_https(scope) else "http"
            own |= {Site(scheme, local, port or PORTS[scheme]).origin for local in LOCAL}
        return frozenset(own)

    def is_own_request(self, headers: Headers) -> bool:
        """Tell whether a request comes from a page of ours: what changes something must (CK-5)."""
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
    """Return the request's path as the app's routes have it.

    Under `uvicorn --root-path` the scope's own begins with that, which the routes know nothing of.
    """
    return get_route_path(scope)


def cookies_of(scope: Scope) -> dict[str, str]:
    """Return the request's cookies; one that was sent twice counts as not sent (CK-4)."""
    raw = b"; ".join(value for name, value in scope["headers"] if name == b"cookie")
    text = raw.decode("latin-1")
    counts = Counter(pair.partition("=")[0].strip() for pair in text.split(";"))
    return {name: value for name, value in cookie_parser(text).items() if counts[name] == 1}


def browser_cookie(name: str) -> str:
    """Return the name of the cookie with the browser's nonce, beside the session cookie *name*."""
    return f"{name}_browser"
