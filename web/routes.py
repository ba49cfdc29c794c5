"""The routes beside the app: a ticket becomes the cookie, a cookie ends, health checks."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from auth.errors import Unavailable
from web.edge import SESSION_PATH, Edge, browser_cookie
from web.start import service

MAX_BODY = 1024  # bytes: a ticket takes 32


def routes(edge: Edge) -> Sequence[Route]:
    """Return the routes, under the app's base path."""

    async def open_session(request: Request) -> Response:
        """Change the ticket in the body for the cookie, for the browser it was made for."""
        ticket = await _ticket(request)
        name = edge.cookie_name(request.scope)
        nonce = request.cookies.get(browser_cookie(name))
        if not ticket or not nonce:
            return _say(400, "A ticket is missing.")
        login = await run_in_threadpool(service().exchange_ticket, ticket, nonce)
        if login is None:
            return _say(403, "This ticket is not valid, or not any more.")
        max_age = int((login.expires_at - datetime.now(UTC)).total_seconds())
        return _set(edge.cookie_line(request.scope, name, login.token, max_age))

    async def close_session(request: Request) -> Response:
        """End the session of the cookie, and the cookie."""
        name = edge.cookie_name(request.scope)
        await run_in_threadpool(service().log_out, request.cookies.get(name))
        response = _set(edge.cookie_line(request.scope, name, "", 0))
        response.headers["Clear-Site-Data"] = '"cache"'  # with it, what Back would show
        return response

    verbs = {"POST": open_session, "DELETE": close_session}

    async def session(request: Request) -> Response:
        if request.method not in verbs:  # without this Streamlit would answer with its page
            return _say(405, "A session is opened by POST and closed by DELETE.")
        try:
            return await verbs[request.method](request)
        except Unavailable as fault:
            return _say(503, fault.message)

    base = edge.base_path.rstrip("/")
    return [
        Route(base + SESSION_PATH, session, methods=["GET", *verbs]),
        Route(base + "/healthz", alive),
        Route(base + "/readyz", ready),
    ]


async def alive(request: Request) -> Response:
    """Answer that the process runs."""
    return _say(200, "alive")


async def ready(request: Request) -> Response:
    """Answer whether people can log in: settings, keys and database; no details (CF-4)."""
    try:
        await run_in_threadpool(lambda: service().is_ready())
    except Unavailable:
        return _say(503, "not ready")
    return _say(200, "ready")


async def _ticket(request: Request) -> str | None:
    """Return the ticket in the request's body, or None for any other body."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    try:
        ticket = json.loads(body)["ticket"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return ticket if isinstance(ticket, str) else None


def _set(cookie: str) -> Response:
    return Response(status_code=204, headers={"Set-Cookie": cookie, "Cache-Control": "no-store"})


def _say(status: int, sentence: str) -> Response:
    return PlainTextResponse(sentence, status, headers={"Cache-Control": "no-store"})
