"""The gate: which requests may pass, how large, and what the script is given of the connection.

Under `server.py` it is a middleware. `streamlit run app.py` has no place for one, so
web/streamlit_hooks.py makes one.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg

from auth.client import Client
from auth.errors import Unavailable
from auth.log import Bounded, BoundedLog
from settings import Settings, SettingsError, load_settings
from web.bounds import BOUNDS, MEGABYTE, Bounds, raise_descriptor_limit, return_freed_blocks
from web.connection import MARK, SOCKET, base_path, client_ip, local_url
from web.edge import Edge, cookies_of, path_of, plain
from web.look import full_page
from web.messages import (
    LARGEST_MESSAGE,
    LONGEST_TEXT,
    SMALL,
    bound_messages,
    drop_last_frame,
    drop_rest,
    has_few_parts,
    is_lost,
    shorten,
)
from web.patrol import Patrol, running_servers
from web.sockets import OPEN_SOCKETS, SIGNED_IN_TABS, Sockets
from web.streamlit_hooks import owns_tab
from web.turns import Turns
from web.uploads import Uploads, forget_closed_tabs

if TYPE_CHECKING:  # with SQLAlchemy, which no page has to wait for
    from auth.service import AuthService

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OURS = frozenset({MARK.lower().encode(), SOCKET.lower().encode()})  # headers that only we may set
# Routes of Streamlit that no visitor needs: its memory and its users, and the app without a
# browser. The last two are off unless options turn them on, yet they answer.
CLOSED = ("/_stcore/metrics", "/_stcore/script-health-check", "/_stcore/agent")
GONE, POLICY, TRY_LATER = 1006, 1008, 1013  # why a websocket is closed (RFC 6455, 7.4)
TRY_AGAIN = 5  # seconds between two looks at settings that cannot be used
UPLOAD, STREAM = "/_stcore/upload_file/", "/_stcore/stream"

WRONG_HOST = "This app isn't served here. If you run it, set BASE_URL to the URL in your browser."
NOT_OURS = "This request came from another site."
NOT_FOUND = "There is nothing here."
TOO_SLOW = "This request took too long to arrive. Try again."
TOO_MANY_TABS = "Too many pages of this app are open on your network. Close some and try again."
LOG_IN_TO_UPLOAD = "Log in to upload files."
NO_LENGTH = "A request has to say how long it is."
NO_ROOM = "There is no room for this file. Remove others first, or choose a smaller one."


FRAGMENT = re.compile(r"[0-9a-f]{1,64}")  # an id as Streamlit makes it
# uvicorn's lines for each visitor, beside those for each request.
CONNECTIONS = re.compile(r'%s - "WebSocket|connection (open|closed)')
# Loggers that write a line, or a whole traceback, for what a visitor sends.
VISITORS = (
    "asyncio",
    "streamlit.error_util",
    "streamlit.runtime.app_session",
    "streamlit.web.server.starlette.starlette_auth_routes",
    "streamlit.web.server.starlette.starlette_websocket",
)
_bounded = Bounded()


def quieten_server() -> None:
    """Switch off uvicorn's lines for each request and connection, whatever its options say.

    And bound what visitors make Streamlit and asyncio write: a field with another kind of value
    costs a traceback, and so does an error of uvicorn's in what has arrived (AV-7).

    Streamlit turns them on when it reads its configuration, and again whenever that file changes:
    a stream of lines, and the URLs of emailed links have secrets (LG-2).
    """
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").addFilter(_is_no_connection)
    logging.getLogger("uvicorn.error").addFilter(_bounded)
    for name in VISITORS:
        logging.getLogger(name).addFilter(_bounded)


def _is_no_connection(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO or not CONNECTIONS.match(str(record.msg))


class Gate:
    """Pure ASGI middleware: it must see websockets too.

    *serves_cookie* is true under our own server, which has the routes that set the HttpOnly
    cookie. Elsewhere Streamlit and the host decide about the Host of HTTP requests.
    """

    def __init__(
        self, app: ASGIApp, edge: Edge, *, serves_cookie: bool = True, bounds: Bounds = BOUNDS
    ) -> None:
        self._app = app
        self.edge = edge
        self._serves_cookie = serves_cookie
        self.bounds = bounds
        base = edge.base_path.rstrip("/")
        self._health = base + "/healthz"
        self._closed = tuple(base + path for path in CLOSED)
        self._upload, self._stream = base + UPLOAD, base + STREAM
        quieten_server()
        descriptors = raise_descriptor_limit()
        return_freed_blocks()
        self.log = BoundedLog("auth.gate")
        self.sockets = Sockets(bounds, descriptors)
        self.turns = Turns(bounds)
        self.waiting = 0  # bytes of the messages that wait for their turn
        self.uploads = Uploads(bounds)
        self._servers = running_servers()
        bound_messages()
        self._patrol = Patrol(bounds, descriptors, self.log)
        self._patrolling: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what may not pass; bound the rest and mark it as passed by the gate."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        if self._patrolling is None or self._patrolling.done():
            self._patrolling = asyncio.create_task(self._keep_looking())
        scope = {**scope, "headers": [plain(*header) for header in scope["headers"]]}
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers) or await self._full(scope, headers)
        if refusal:
            await _refuse(refusal, scope, receive, send)
            return
        passed = [(name, value) for name, value in scope["headers"] if name not in OURS]
        if self._serves_cookie:
            passed.append((MARK.lower().encode(), self.edge.cookie_name(scope).encode()))
        scope = {**scope, "headers": passed}
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif path_of(scope).startswith(self._upload) and scope["method"] not in SAFE:
            await self._change_upload(scope, receive, send)
        else:
            await self._request(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the response to a request that may not pass; health checks may use any Host."""
        is_http = scope["type"] == "http"
        path = path_of(scope)
        if is_http and path == self._health:
            return None
        if self._serves_cookie and not self.edge.knows_host(headers.get("host", "")):
            self.log.warning("Refused a request for another host: see BASE_URL.")
            return PlainTextResponse(WRONG_HOST, 400)
        if not is_http and path != self._stream:
            return PlainTextResponse(NOT_FOUND, 404)
        if not is_http:
            return None if self._knows_origin(scope, headers) else self._foreign(scope)
        if "transfer-encoding" in headers:  # no page sends one: each of its chunks may be a byte
            return PlainTextResponse(NO_LENGTH, 411, headers={"Connection": "close"})
        if scope["method"] not in SAFE and not self.edge.is_own_request(headers):
            return self._foreign(scope)
        if any(path == closed or path.startswith(closed + "/") for closed in self._closed):
            return PlainTextResponse(NOT_FOUND, 404)
        return None

    async def _full(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the page for a visitor when the server is full, or None.

        Streamlit's own page would show grey boxes forever, without a message.
        """
        is_page = scope["type"] == "http" and headers.get("sec-fetch-dest") == "document"
        if not is_page or path_of(scope) == self._health:
            return None
        client = self._client(scope)
        if self.sockets.has_room(client) or await self._user(scope):
            return None
        self.log.warning("Refused a page: too many are open (%s).", client.network)
        return full_page(self.edge.settings.app_name)

    def _knows_origin(self, scope: Scope, headers: Headers) -> bool:
        """Return whether the app's own page opens this websocket.

        Every browser sends the page's Origin. A program can send any, so a missing one is refused
        as well: one rule without an exception.
        """
        origin, host = headers.get("origin", ""), headers.get("host", "")
        if self._serves_cookie:
            return origin in self.edge.origins(scope, host)
        allowed = {str(one).strip() for one in config.get_option("server.corsAllowedOrigins")}
        allowed.add(self.edge.settings.site.origin)
        if not self.edge.settings.production:  # the host that serves it may have any name
            allowed |= {f"http://{host}", f"https://{host}"}
        return bool(origin) and origin in allowed

    def _foreign(self, scope: Scope) -> PlainTextResponse:
        """Return the response to another site's page, and log it."""
        network = self._client(scope).network
        if scope["type"] == "websocket":
            # The operator may have written another URL than the one that visitors type.
            self.log.warning("malicious_csrf: refused a websocket not from BASE_URL (%s).", network)
        else:
            self.log.warning("malicious_csrf: refused a request of another site (%s).", network)
        return PlainTextResponse(NOT_OURS, 403)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Admit a page's connection if its network has room for one.

        Streamlit sees it once it has sent a message, or at once if it comes back to its tab, which
        may have something to tell it.
        """
        client, user, (protocol, tab) = self._client(scope), await self._user(scope), _named(scope)
        page = PageSocket(self, client, receive, send, comes_back=bool(tab))
        page.number = number = self.sockets.open(client, user, page.end, comes_back=bool(tab))
        if number is None:
            self.log.warning("Refused a websocket: too many are open (%s).", client.network)
            await _refuse(PlainTextResponse(TOO_MANY_TABS, 503), scope, receive, send)
            return
        # Streamlit compares Origin with Host. Where it finds them different it looks up this
        # machine's public address, by calls that stop the event loop: they are the same here, as
        # the decision has been made.
        host = urlsplit(Headers(scope=scope)["origin"]).netloc.encode()
        headers = [(name, value) for name, value in scope["headers"] if name != b"host"]
        headers += [(b"host", host), (SOCKET.lower().encode(), str(number).encode())]
        scope = {**scope, "headers": headers}
        OPEN_SOCKETS[number] = self.sockets
        try:
            if owns_tab(scope, tab) or await page.begin(protocol):
                await self._app(scope, page.receive, page.send)
        finally:
            OPEN_SOCKETS.pop(number, None)
            self.sockets.close(number)
            drop_rest(receive)

    async def _change_upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a signed-in tab upload and remove files, within its bounds."""
        session, _, file = path_of(scope).removeprefix(self._upload).partition("/")
        user = SIGNED_IN_TABS.get(session)
        if user is None or (self._serves_cookie and await self._user(scope) != user):
            await PlainTextResponse(LOG_IN_TO_UPLOAD, 403)(scope, receive, send)
            return
        if scope["method"] == "PUT":
            length = Headers(scope=scope).get("content-length", "")
            if not length.isdecimal() or len(length) > len(str(2**63)):
                await PlainTextResponse(NO_LENGTH, 411)(scope, receive, send)
                return
            number = self.uploads.reserve(user, session, file, int(length))
            if number is None:
                self.log.warning("Refused an upload: its user or this server has no room.")
                await PlainTextResponse(NO_ROOM, 413)(scope, receive, send)
                return
            status = 500
            try:
                status = await self._request(scope, receive, send)
            finally:
                self.uploads.finish(number, arrived=status < 300)
        elif await self._request(scope, receive, send) < 300:
            self.uploads.release(session, file)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Pass a request on with a time limit for its body; return the response's status.

        The status is 500 if the app sent none.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.bounds.body
        status, complete, late = 0, False, False

        async def receive_in_time() -> Message:
            nonlocal complete, deadline, late
            if complete:  # what comes now is the client's leaving, for which some answers wait
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                late = True
                return {"type": "http.disconnect"}
            complete = not message.get("more_body")
            deadline += len(message.get("body", b"")) / self.bounds.body_rate
            return message

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        try:
            await self._app(scope, receive_in_time, send_and_note)
        except ClientDisconnect:  # as any visitor may at any time: not our fault
            if late and not status:
                self.log.warning("Refused a request whose body came too slowly.")
                answer = PlainTextResponse(TOO_SLOW, 408, headers={"Connection": "close"})
                await answer(scope, receive, send)
        return status or 500

    async def _user(self, scope: Scope) -> str | None:
        """Return the id of the user of the open session in the request's cookie, or None."""
        settings = self.edge.settings
        name = self.edge.cookie_name(scope) if self._serves_cookie else settings.cookie_name
        token = cookies_of(scope).get(name)
        if not token:
            return None
        try:
            user = await run_in_threadpool(
                lambda: self.edge.service().resume(token, touch=False, trusted=True)
            )
        except Unavailable:
            return None
        return user.id if user else None

    def _client(self, scope: Scope) -> Client:
        peer = scope.get("client")
        forwarded = Headers(scope=scope).getlist("x-forwarded-for")
        proxies = self.edge.settings.trusted_proxies
        return Client(ip=client_ip(peer[0] if peer else None, forwarded, proxies))

    async def _keep_looking(self) -> None:
        """Periodically end what has waited too long, and free what closed tabs left behind."""
        while True:
            connections = [each for server in self._servers for each in server.connections]
            direct = self.edge.settings.trusted_proxies == 0
            self._patrol.look(connections, by_network=direct)
            forget_closed_tabs(self.uploads)
            self.turns.forget()
            await asyncio.sleep(self.bounds.look_every)


class PageSocket:
    """The messages of one open page, within its bounds; the app behind the gate calls `receive`.

    The first message must arrive soon, as every new page sends one at once. A page that *comes
    back* after a lost connection may stay silent: its visitor may only be reading. Each message
    must be cheap to parse. While a network's signed-out pages request too many runs, their messages
    wait; nothing more is read from a waiting page, so its messages stay in order.
    """

    def __init__(
        self, gate: Gate, client: Client, receive: Receive, send: Send, *, comes_back: bool = False
    ) -> None:
        self.number: int | None = None  # among the gate's sockets
        self._gate = gate
        self._client = client
        self._receive = receive
        self._send = send
        self._may_be_silent = comes_back
        self._is_accepted = self._has_ended = False
        self._late = 0.0  # seconds that its last messages have waited, one after the other
        self._begun: list[Message] = []  # received by `begin`, not yet passed to the app
        self._waiting: asyncio.Timeout | None = None

    async def begin(self, protocol: str | None) -> bool:
        """Accept the connection, and return whether it sends a message before it ends.

        Streamlit creates a session as soon as it sees a connection. That costs far more than the
        connection, and Python doesn't return all of the memory to the system.
        """
        self._begun.append(await self._receive())
        await self._send({"type": "websocket.accept", "subprotocol": protocol})
        self._is_accepted = True
        self._begun.append(await self._next())
        return bool(self._begun[-1]["type"] == "websocket.receive")

    def end(self) -> None:
        """Close the page's connection to make room for another; its browser reconnects."""
        self._has_ended = True
        if self._waiting and not self._waiting.expired():
            self._waiting.reschedule(0)

    async def send(self, message: Message) -> None:
        """Send the app's *message*, unless it accepts what `begin` has accepted already."""
        if not (self._is_accepted and message["type"] == "websocket.accept"):
            await self._send(message)

    async def receive(self) -> Message:
        """Return the next message, or a disconnect."""
        return self._begun.pop(0) if self._begun else await self._next()

    async def _next(self) -> Message:
        patience = None if self._may_be_silent else self._gate.bounds.first_message
        try:
            async with asyncio.timeout(0 if self._has_ended else patience) as self._waiting:
                message = await self._receive()
                self._waiting.reschedule(None)
                drop_last_frame(self._receive)
                return await self._let_in(message)
        except TimeoutError:
            if self._has_ended:
                return await self._close("to make room for others", TRY_LATER)
            return await self._close("that said nothing")
        finally:
            self._waiting = None

    async def _let_in(self, message: Message) -> Message:
        """Return *message* when its turn has come, or close the connection because of it."""
        gate, number = self._gate, self.number or 0
        if message["type"] != "websocket.receive":
            return message
        self._may_be_silent = True
        data = message.get("bytes")
        if data is None:  # Streamlit would log a traceback for each
            return await self._close("that sent text")
        user = gate.sockets.user_of(number)
        if not has_few_parts(data, gate.bounds.user_parts if user else gate.bounds.parts):
            return await self._close("that sent a message of too many parts")
        try:
            parsed = BackMsg.FromString(data)
        except DecodeError:  # and this, too
            return await self._close("that sent what is no message")
        kind = parsed.WhichOneof("type") or ""
        fragment = parsed.rerun_script.fragment_id  # Streamlit logs one that it does not know
        if kind.startswith("debug_") or (fragment and not FRAGMENT.fullmatch(fragment)):
            return await self._close("that sent what no page sends")
        gate.sockets.heard(number)
        turns = gate.turns
        seconds = turns.take_for(user) if user else turns.take(self._client, len(data))
        self._late = self._late + seconds if seconds else 0.0
        if seconds and is_lost(self._receive):
            return {"type": "websocket.disconnect", "code": GONE}
        if self._late > gate.bounds.longest_wait:  # or a session would stay for hours
            return await self._close("whose messages had waited for too long", TRY_LATER)
        if not user and kind == "rerun_script" and len(data) > LONGEST_TEXT:
            shorten(parsed.rerun_script)
            message["bytes"] = data = parsed.SerializeToString()
        del parsed  # it keeps all that was cut off
        if not user and len(data) > LARGEST_MESSAGE:
            return await self._close("that sent too large a message")
        # A fragment takes no slot: one that is not on the page never runs, and so would keep it.
        is_run = not user and kind == "rerun_script" and not fragment
        if not await self._wait_for_turn(seconds, len(data), is_run):
            return await self._close("whose message had no room to wait", TRY_LATER)
        return message

    async def _wait_for_turn(self, seconds: float, size: int, is_run: bool) -> bool:
        """Wait until a message of *size* bytes may pass; return False if it has no room to wait.

        First for *seconds*, as its network asks for too much, then, if it asks for a run, for a
        free slot.
        """
        gate, slots = self._gate, self._gate.sockets.slots
        calm_at, crowds = gate.turns.calm_at(self._client), gate.turns.crowds(self._client)
        if seconds or (is_run and slots.must_wait(crowds)):
            if size > max(SMALL, gate.bounds.unfinished * MEGABYTE - gate.waiting):
                return False
            if seconds:
                network = self._client.network
                gate.log.warning("Made pages wait for a run (%s).", network)
        gate.waiting += size
        try:
            await asyncio.sleep(seconds)
            if is_run:
                await slots.begin(self.number or 0, calm_at, crowds=crowds)
        finally:
            gate.waiting -= size
        return True

    async def _close(self, why: str, code: int = POLICY) -> Message:
        self._gate.log.warning(f"Closed a websocket {why}.")
        await self._send({"type": "websocket.close", "code": code})
        return {"type": "websocket.disconnect", "code": code}


def _named(scope: Scope) -> tuple[str | None, str]:
    """Return the websocket's protocol, and the id of the tab that it comes back to, or "".

    Streamlit's page sends them in one header: a protocol, its XSRF token, and the id.
    """
    sent = Headers(scope=scope).get("sec-websocket-protocol", "")
    protocol, _, tab = [*(each.strip() for each in sent.split(",")), "", ""][:3]
    return protocol or None, tab


async def _refuse(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send *answer*; a websocket gets it where the server can send one, or is closed."""
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await answer(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": POLICY})


class PlainGate:
    """The gate under `streamlit run app.py`; the first request creates it and loads the settings.

    While the settings are invalid it uses the defaults: no user can be signed in meanwhile, and the
    operator can still fix `.env`.
    """

    def __init__(self, app: ASGIApp, service: "Callable[[], AuthService]") -> None:
        self._app = app
        self._service = service
        self._gate: Gate | None = None
        self._try_again: float | None = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request to the gate."""
        await self._ready()(scope, receive, send)

    def _ready(self) -> Gate:
        now = asyncio.get_running_loop().time()
        if self._gate and (self._try_again is None or now < self._try_again):
            return self._gate
        try:
            settings, self._try_again = load_settings(local_url=local_url()), None
        except SettingsError:
            settings, self._try_again = Settings.model_construct(), now + TRY_AGAIN
        edge = Edge(settings, base_path(), self._service)
        if self._gate is None:
            self._gate = Gate(self._app, edge, serves_cookie=False)
        self._gate.edge = edge
        return self._gate
