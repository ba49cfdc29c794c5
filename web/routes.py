"""The routes beside the app: a ticket becomes the cookie, a cookie ends, health checks."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from auth.errors import Unavailable
from auth.hand_off import approve_ticket, close_cookie, exchange_ticket
from web.answers import wake
from web.edge import SESSION_PATH, TICKET_PATH, Edge, browser_cookie

MAX_BODY = 1024  # bytes: a ticket takes 32
NO_STORE = {"Cache-Control": "no-store"}


def routes(edge: Edge) -> Sequence[Route]:
    """Return the routes, under the app's base path."""

    async def open_session(request: Request) -> Response:
        """Change the ticket in the body for the cookie, for the browser it was made for."""
        ticket = await _member(request, "ticket")
        name = edge.cookie_name(request.scope)
        nonce = request.cookies.get(browser_cookie(name))
        if not ticket or not nonce:
            return _say(400, "A ticket is missing.")
        cookie = request.cookies.get(name)
        login = await run_in_threadpool(exchange_ticket, edge.service(), ticket, nonce, cookie)
        if login is None:
            return _say(403, "This ticket is not valid, or not any more.")
        max_age = int((login.expires_at - datetime.now(UTC)).total_seconds())
        return _set(edge.cookie_line(request.scope, name, login.token, max_age))

    async def close_session(request: Request) -> Response:
        """End the session of the cookie, and the cookie.

        A page names the session that it means: the cookie may be that of a later log-in by now.
        """
        mark = await _member(request, "mark")
        name = edge.cookie_name(request.scope)
        cookie = request.cookies.get(name)
        if not await run_in_threadpool(close_cookie, edge.service(), cookie, mark):
            return Response(status_code=204, headers=NO_STORE)
        response = _set(edge.cookie_line(request.scope, name, "", 0))
        response.headers["Clear-Site-Data"] = '"cache"'  # with it, what Back would show
        return response

    async def approve(request: Request) -> Response:
        """Make the ticket good that a tab has made up, where the cookie is the newest."""
        if request.method != "POST":
            return _say(405, "A ticket is made good by POST.")
        ticket = await _member(request, "ticket")
        cookie = request.cookies.get(edge.cookie_name(request.scope))
        if not ticket or not cookie:
            return _say(400, "A ticket or the cookie is missing.")
        try:
            good = await run_in_threadpool(approve_ticket, edge.service(), cookie, ticket)
        except Unavailable as fault:
            return _say(503, fault.message)
        if not good:
            return _say(403, "This cookie is not the newest.")
        wake(ticket)
        return Response(status_code=204, headers=NO_STORE)

    async def ready(request: Request) -> Response:
        """Answer whether people can log in: settings, keys and database; no details (CF-4)."""
        try:
            await run_in_threadpool(lambda: edge.service().is_ready())
        except Unavailable:
            return _say(503, "not ready")
        return _say(200, "ready")

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
        Route(base + TICKET_PATH, approve, methods=["GET", "POST"]),
        Route(base + "/healthz", alive),
        Route(base + "/readyz", ready),
    ]


async def alive(request: Request) -> Response:
    """Answer that the process runs."""
    return _say(200, "alive")


async def _member(request: Request, name: str) -> str | None:
    """Return the text under *name* in the request's JSON body, or None for any other body."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    try:
        value = json.loads(body)[name]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return value if isinstance(value, str) else None


def _set(cookie: str) -> Response:
    return Response(status_code=204, headers=NO_STORE | {"Set-Cookie": cookie})


def _say(status: int, sentence: str) -> Response:
    return PlainTextResponse(sentence, status, headers=NO_STORE)
