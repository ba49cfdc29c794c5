"""The cookies on the page's response: a nonce for this browser, and the session's next token."""

from datetime import UTC, datetime
from secrets import token_hex

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth.errors import Unavailable
from auth.hand_off import refresh
from web.edge import Edge, browser_cookie, cookies_of, path_of

ASSETS = ("/_stcore/", "/component/", "/media/", "/static/", "/auth/", "/app/static/")


class PageCookies:
    """Pure ASGI middleware that sets cookies on pages only, never on assets."""

    def __init__(self, app: ASGIApp, edge: Edge) -> None:
        self._app = app
        self._edge = edge
        base = edge.base_path.rstrip("/")
        self._assets = tuple(base + path for path in ASSETS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and a page back with its cookies."""
        is_page = (
            scope["type"] == "http"
            and scope["method"] == "GET"
            and not path_of(scope).startswith(self._assets)
            # Streamlit answers any other path with its page, even an icon's: ask what it is for.
            and Headers(scope=scope).get("sec-fetch-dest", "document") == "document"
        )
        if not is_page:
            await self._app(scope, receive, send)
            return

        async def send_with_cookies(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers["Cache-Control"] = "no-store"  # nor kept for the Back button
                    for line in await self._lines(scope):
                        headers.append("Set-Cookie", line)
            await send(message)

        await self._app(scope, receive, send_with_cookies)

    async def _lines(self, scope: Scope) -> list[str]:
        cookies = cookies_of(scope)
        name = self._edge.cookie_name(scope)
        nonce = browser_cookie(name)
        lines = []
        if not cookies.get(nonce):
            lines.append(self._edge.cookie_line(scope, nonce, token_hex(16), None))
        token = cookies.get(name)
        if not token:  # nothing to refresh, so no need to wait for the service
            return lines
        try:
            login = await run_in_threadpool(lambda: refresh(self._edge.service(), token))
        except Unavailable:
            return lines
        if login:
            max_age = int((login.expires_at - datetime.now(UTC)).total_seconds())
            lines.append(self._edge.cookie_line(scope, name, login.token, max_age))
        return lines
