"""One request to an ASGI app in this process, as a server would hand it over."""

import asyncio
from collections.abc import Iterable, Mapping

from starlette.responses import Response
from starlette.types import ASGIApp, Message


def ask(
    app: ASGIApp,
    path: str = "/",
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: Iterable[bytes] = (b"",),
    scheme: str = "http",
) -> Response:
    """Return what *app* answers; the request's body arrives in the pieces of *body*."""
    pieces = iter(body)
    coming = next(pieces, None)
    sent: list[Message] = []

    async def receive() -> Message:
        nonlocal coming
        piece, coming = coming, next(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": coming is not None}

    async def send(message: Message) -> None:
        sent.append(message)

    pairs = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "scheme": scheme,
        "headers": pairs,
    }

    async def handle() -> None:
        await app(scope, receive, send)

    asyncio.run(handle())
    response = Response(b"".join(message.get("body", b"") for message in sent), sent[0]["status"])
    response.raw_headers = list(sent[0]["headers"])
    return response
