"""Where the app ends and the network begins: its own names, its cookies, and whom it believes."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from settings import Settings

SESSION_PATH = "/auth/session"
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
        if self.settings.base_url.startswith("https:"):
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
        """Tell whether *host*, as in the Host header, is one of the app's own names."""
        if host == urlsplit(self.settings.base_url).netloc:
            return True
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        return not self.settings.production and name in LOCAL

    def is_own_request(self, headers: Headers) -> bool:
        """Tell whether a request comes from a page of ours: what changes something must (CK-5)."""
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in {"same-origin", "none"}
        origin = urlsplit(headers.get("origin", ""))
        return bool(origin.netloc) and origin.netloc == headers.get("host")


def browser_cookie(name: str) -> str:
    """Return the name of the cookie with the browser's nonce, beside the session cookie *name*."""
    return f"{name}_browser"
