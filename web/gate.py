"""The gate: which requests get in at all, and what the script is told about the connection."""

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from web.connection import MARK
from web.edge import Edge

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
WRONG_HOST = "This app has another address. If it is yours, set BASE_URL to the one you used here."
NOT_OURS = "This request came from another site."


class Gate:
    """Pure ASGI middleware: it must see websockets too."""

    def __init__(self, app: ASGIApp, edge: Edge) -> None:
        self._app = app
        self._edge = edge
        self._health = edge.base_path.rstrip("/") + "/healthz"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a wrong host and another site's request; mark what passes as coming by us."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal:
            await refusal(scope, receive, send)
            return
        mark = MARK.lower().encode()
        told = [(name, value) for name, value in scope["headers"] if name != mark]
        told.append((mark, self._edge.cookie_name(scope).encode()))
        await self._app({**scope, "headers": told}, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        """Return the answer to a request that may not pass; a health check may by any name."""
        is_http = scope["type"] == "http"
        if is_http and scope["path"] == self._health:
            return None
        if not self._edge.knows_host(headers.get("host", "")):
            return PlainTextResponse(WRONG_HOST, 400) if is_http else _close
        if is_http and scope["method"] not in SAFE and not self._edge.is_own_request(headers):
            _note_foreign_site(scope)
            return PlainTextResponse(NOT_OURS, 403)
        return None


async def _close(scope: Scope, receive: Receive, send: Send) -> None:
    """Turn a websocket away before it opens."""
    await send({"type": "websocket.close", "code": 1008})


def _note_foreign_site(scope: Scope) -> None:
    """Write into the log that another site tried something; the connection is all it tells."""
    from auth.audit import Event, note  # with SQLAlchemy: not before the server answers
    from auth.client import Client
    from db.types import utc_now

    peer = scope.get("client")
    note(Event.FOREIGN_SITE, utc_now(), client=Client(address=peer[0] if peer else ""))
