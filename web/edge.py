"""Where the app ends and the network begins: its own names, its cookies, and whom it believes."""

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import Scope

from settings import Settings, read_authority, read_site

SESSION_PATH = "/auth/session"
LONGEST_ORIGIN = 300  # characters; a host has 253 at most
LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})  # what development is reached by


@dataclass(frozen=True)
class Edge:
    """The app as its visitors address it; *base_path* is "/" or such as "/app"."""

    settings: Settings
    base_path: str = "/"

    def is_secure(self, scope: Scope) -> bool:
        """Tell whether the visitor uses https, as far as we can know.

        Where the header is there, the scheme may be its echo: uvicorn believes it of whoever
        connects from this machine.
        """
        if self.settings.site.scheme == "https":
            return True
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


def browser_cookie(name: str) -> str:
    """Return the name of the cookie with the browser's nonce, beside the session cookie *name*."""
    return f"{name}_browser"
