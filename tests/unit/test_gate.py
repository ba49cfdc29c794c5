"""The gate, called as a server calls it: what reaches the app behind it, and what never does."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config, net_util
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.web.server.starlette import starlette_websocket

from auth.client import Client
from auth.errors import Unavailable
from auth.log import MOST
from auth.service import AuthService
from settings import Settings, SettingsError
from tests.fixtures import LAPTOP, Person, make_settings
from tests.unit.networks import CALM, CROWDED, Clock, client
from tests.unit.test_messages import rerun_with
from web import gate as gate_module
from web.bounds import BOUNDS, MEGABYTE, Bounds
from web.edge import Edge
from web.gate import STREAM, TRY_AGAIN, Gate, PageSocket, PlainGate, _named
from web.look import full_page
from web.messages import LARGEST_MESSAGE, LONGEST_TEXT
from web.sockets import OPEN_SOCKETS, SIGNED_IN_TABS
from web.turns import Turns
from web.uploads import Uploads

HOST = "localhost:8501"
ORIGIN = f"http://{HOST}"
TAB = "the-streamlit-session-of-a-tab"
UPLOAD = f"/_stcore/upload_file/{TAB}/file"


@dataclass
class App:
    """The app behind the gate: records each request, and answers it once its body is complete."""

    seen: list[Scope] = field(default_factory=list)
    status: int = 204

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record *scope*, and answer."""
        self.seen.append(scope)
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            await receive()
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def header(self, name: str) -> list[str]:
        """Return the values of a header in the last request."""
        headers = self.seen[-1]["headers"]
        return [value.decode() for key, value in headers if key.decode() == name]


@pytest.fixture
def app() -> App:
    """Return an app without any requests yet."""
    return App()


def gate_of(app: App, *, serves_cookie: bool = True, **changes: object) -> Gate:
    """Return a gate in front of *app*, with the settings *changes*."""
    return Gate(app, Edge(make_settings(**changes)), serves_cookie=serves_cookie)


async def ask(gate: ASGIApp, kind: str = "http", method: str = "GET", **sent: str) -> int:
    """Send one request as `answer` does; return the status, 101 for an open websocket."""
    return (await answer(gate, kind, method, **sent))[0]


async def answer(
    gate: ASGIApp,
    kind: str = "http",
    method: str = "GET",
    path: str = "",
    root: str = "",
    **sent: str,
) -> tuple[int, str]:
    """Send one request with the headers *sent*, without those that are empty.

    Without a *path* it is for the page, or for its websocket. Return the status, 101 for an open
    websocket, and the text.
    """
    named = {name.replace("_", "-"): value for name, value in sent.items()}
    headers = {name: value for name, value in ({"host": HOST} | named).items() if value}
    scope: Scope = {
        "type": kind,
        "method": method,
        "path": path or ("/" if kind == "http" else STREAM),
        "root_path": root,
        "scheme": "http" if kind == "http" else "ws",
        "client": ("192.0.2.7", 50_000),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "extensions": {"websocket.http.response": {}} if kind == "websocket" else {},
    }
    statuses: list[int] = []
    text = b""
    came = ("websocket.connect", "websocket.receive", "websocket.disconnect")
    messages: list[Message] = [{"type": each, "bytes": b""} for each in came]

    async def receive() -> Message:
        return {"type": "http.request", "body": b""} if kind == "http" else messages.pop(0)

    async def send(message: Message) -> None:
        nonlocal text
        if message["type"].endswith("response.start"):
            statuses.append(message["status"])
        elif message["type"] == "websocket.accept":
            statuses.append(101)
        text += message.get("body", b"")

    await gate(scope, receive, send)
    return statuses[0], text.decode()


def test_what_a_client_says_in_the_gates_own_headers_is_dropped(app: App) -> None:
    """CK-1: the script gets the cookie's name and the connection's number only from the gate."""
    claims = {"x_auth_cookie": "mine", "x_auth_socket": "7"}

    asyncio.run(ask(gate_of(app), "websocket", origin=ORIGIN, **claims))

    assert app.header("x-auth-cookie") == ["auth"]
    assert app.header("x-auth-socket") == ["1"]


def test_plain_streamlit_learns_of_no_cookie_route(app: App) -> None:
    """CK-1: without our routes no HttpOnly cookie can be set, regardless of a client's claims."""
    gate = gate_of(app, serves_cookie=False)

    asyncio.run(ask(gate, "websocket", origin=ORIGIN, x_auth_cookie="mine"))

    assert app.header("x-auth-cookie") == []


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize("serves_cookie", [True, False])
def test_streamlit_never_looks_an_origin_up(
    app: App, monkeypatch: pytest.MonkeyPatch, name: str, serves_cookie: bool
) -> None:
    """AV-5, CK-11: if Origin and Host differ, it makes network calls on the event loop."""
    for look_up in ("get_internal_ip", "get_external_ip"):
        monkeypatch.setattr(net_util, look_up, lambda: pytest.fail("the network was asked"))
    gate = gate_of(app, serves_cookie=serves_cookie, base_url=f"http://{name}:8501")

    asyncio.run(ask(gate, "websocket", origin=f"http://{name}:8501"))

    (origin,), (host,) = app.header("origin"), app.header("host")
    assert starlette_websocket._is_origin_allowed(origin, host)


@pytest.mark.parametrize(
    ("production", "origin", "status"),
    [
        (False, ORIGIN, 101),
        (False, "https://app.example.com", 101),  # BASE_URL's own
        (False, "http://localhost:3000", 403),
        (False, "https://evil.example", 403),
        (False, None, 403),
        (True, "https://app.example.com", 101),
        (True, ORIGIN, 403),
        (True, "http://app.example.com", 403),
        (True, "https://evil.example", 403),
    ],
)
def test_plain_streamlit_is_opened_by_its_own_pages_alone(
    app: App, production: bool, origin: str | None, status: int
) -> None:
    """CK-11: in production by those of BASE_URL, otherwise also by those of the requested host."""
    mode = "production" if production else "development"
    gate = gate_of(app, serves_cookie=False, app_env=mode, base_url="https://app.example.com")
    sent = {} if origin is None else {"origin": origin}

    assert asyncio.run(ask(gate, "websocket", **sent)) == status
    assert bool(app.seen) == (status == 101)


@pytest.mark.parametrize(
    "path",
    [
        "/_stcore/metrics",
        "/_stcore/script-health-check",
        *("/_stcore/agent/interact", "/_stcore/agent/mcp", "/_stcore/agent/openapi.json"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("root", ["", "/root"])
def test_what_no_visitor_needs_is_closed(app: App, path: str, method: str, root: str) -> None:
    """CK-11, AV-1: Streamlit's counters, its script check, and the app without a browser.

    Under `uvicorn --root-path`, too, where the paths that a server hands on are longer.
    """
    gate = gate_of(app)

    status = asyncio.run(
        ask(gate, method=method, path=root + path, root=root, sec_fetch_site="none")
    )

    assert status == 404
    assert app.seen == []


def test_a_network_cannot_take_every_websocket(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """AV-3: counted before Streamlit creates a session; released when the page is closed."""
    gate = gate_of(app)
    most = gate.sockets.most_of_a_network
    numbers = [gate.sockets.open(client("192.0.2.7"), None) for _ in range(1)]
    while len(numbers) < most:
        gate.sockets.heard(numbers[-1] or 0)
        numbers.append(gate.sockets.open(client("192.0.2.7"), None))

    refused = asyncio.run(answer(gate, "websocket", origin=ORIGIN))
    gate.sockets.close(numbers[0] or 0)
    let_in = asyncio.run(ask(gate, "websocket", origin=ORIGIN))

    assert (refused, let_in) == ((503, gate_module.TOO_MANY_TABS), 101)
    assert caplog.messages == ["Refused a websocket: too many are open (192.0.2.7)."]
    assert len(app.seen) == 1
    assert len(gate.sockets) == most - 1


SOCKET_SCOPE: Scope = {
    "type": "websocket",
    "path": "/_stcore/stream",
    "scheme": "ws",
    "client": ("192.0.2.7", 50_000),
    "headers": [(b"host", HOST.encode()), (b"origin", ORIGIN.encode())],
}


@pytest.fixture
def signed_in() -> Iterator[None]:
    """Sign Ada in in the tab."""
    SIGNED_IN_TABS[TAB] = "ada"
    yield
    SIGNED_IN_TABS.pop(TAB, None)


def put(gate: Gate, path: str = UPLOAD, method: str = "PUT", **sent: str) -> int:
    """Upload as Streamlit's own page does."""
    return asyncio.run(ask(gate, method=method, path=path, sec_fetch_site="same-origin", **sent))


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("serves_cookie", [True, False])
def test_a_signed_out_visitor_cannot_change_uploads(
    app: App, method: str, serves_cookie: bool
) -> None:
    """AV-3: nothing of the body is read."""
    gate = gate_of(app, serves_cookie=serves_cookie)

    assert put(gate, method=method, content_length="9") == 403
    assert app.seen == []


@pytest.mark.usefixtures("signed_in")
def test_a_signed_in_tab_may_upload_with_its_users_cookie(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-3: under our own server the cookie has to be of the same user: a tab's id may leak."""
    gate = gate_of(app)
    whose = iter([None, "mallory", "ada"])

    async def user(scope: Scope) -> str | None:
        assert scope["path"] == UPLOAD
        return next(whose)

    monkeypatch.setattr(gate, "_user", user)

    assert [put(gate, content_length="9") for _ in range(3)] == [403, 403, 204]


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("length", ["", "many", "-1", "9" * 20, "9" * 5000])
def test_an_upload_says_how_long_it_is(app: App, length: str) -> None:
    """AV-3: a body of unknown length can't be counted in advance, so it is refused."""
    sent = {"content_length": length} if length else {}

    assert put(gate_of(app, serves_cookie=False), **sent) == 411
    assert app.seen == []


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("refusal", [300, 400])
def test_an_upload_that_streamlit_refuses_takes_no_room(app: App, refusal: int) -> None:
    """AV-3: nor does one that was removed."""
    gate = gate_of(app, serves_cookie=False)
    app.status = refusal
    put(gate, content_length="9")
    assert gate.uploads._sizes == {}

    app.status = 204
    put(gate, content_length="9")
    app.status = refusal
    put(gate, method="DELETE")
    assert gate.uploads._sizes == {(TAB, "file"): ("ada", 9)}

    app.status = 204
    put(gate, method="DELETE")
    assert gate.uploads._sizes == {}


def test_uploads_are_bounded_in_number_and_bytes() -> None:
    """AV-3: per user and in total, including uploads under way."""
    bounds = Bounds(user_files=3, user_upload=2, all_uploads=3)
    one = int(config.get_option("server.maxUploadSize")) * MEGABYTE
    uploads = Uploads(bounds)

    assert [arrive(uploads, "ada", "a", str(number), 1) for number in range(4)] == [True] * 3 + [
        False
    ]
    assert arrive(uploads, "ada", "a", "0", 2 * one - 2)  # the same file again
    assert not arrive(uploads, "ada", "a", "0", 2 * one - 1)
    assert arrive(uploads, "grace", "g", "0", one - 1)
    assert not arrive(uploads, "eve", "e", "0", 2)


def arrive(uploads: Uploads, user: str, session: str, file: str, size: int) -> bool:
    """Upload a file; return whether there was room."""
    number = uploads.reserve(user, session, file, size)
    if number is not None:
        uploads.finish(number, arrived=True)
    return number is not None


def test_one_file_that_is_uploaded_many_times_at_once_counts_each_time() -> None:
    """AV-3: each is in memory until it is complete."""
    one = int(config.get_option("server.maxUploadSize")) * MEGABYTE
    uploads = Uploads(Bounds(user_files=3, user_upload=2))

    on_their_way = [uploads.reserve("ada", "a", "0", one) for _ in range(3)]

    assert [number is not None for number in on_their_way] == [True, True, False]


@pytest.mark.usefixtures("signed_in")
def test_an_upload_that_fails_leaves_the_file_before_it_and_its_room(app: App) -> None:
    """AV-3: refused by Streamlit, or ended by an error in it."""
    gate = gate_of(app, serves_cookie=False)
    put(gate, content_length="9")
    app.status = 400
    put(gate, content_length="5000")

    async def fail(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError

    gate._app = fail
    with pytest.raises(RuntimeError):
        put(gate, content_length="7000")

    assert gate.uploads._sizes == {(TAB, "file"): ("ada", 9)}
    assert gate.uploads._arriving == {}


def test_uploads_go_with_their_tab() -> None:
    """AV-3: after a while, so that a page with a lost connection can reconnect."""
    clock = iter([0.0, 29.0, 30.0, 59.0, 60.0])
    uploads = Uploads(Bounds(uploads_kept=30), clock=lambda: next(clock))
    removed: list[str] = []
    open_tabs = {"a", "b"}
    for tab in "abc":
        arrive(uploads, "ada", tab, "file", 1)

    for _ in range(2):
        uploads.free(open_tabs.__contains__, removed.append)
    assert removed == []
    open_tabs.add("c")
    open_tabs.remove("b")
    for _ in range(3):
        uploads.free(open_tabs.__contains__, removed.append)

    assert removed == ["b"]
    assert {tab for tab, _ in uploads._sizes} == {"a", "c"}


def test_a_large_message_takes_as_many_turns_as_it_costs(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    """AV-1: to read 20 MB takes as long as several runs."""
    bounds = Bounds(runs=2, runs_rate=100, run_size=1_000)
    turns = Turns(bounds, Clock())
    long = rerun_with(WidgetState(id="name", string_value="x" * 3_000))

    assert [turns.take(client("192.0.2.7"), size) for size in (999, 999)] == [0, 0]
    assert round(turns.take(client("192.0.2.8"), 2_500), 6) == 0.01
    assert asyncio.run(send_messages(Gate(app, Edge(make_settings()), bounds=bounds), [long]))
    assert "Made pages wait" in caplog.text


@pytest.mark.parametrize("waits", ["for a message", "for its turn", "for nothing"])
def test_a_page_that_makes_room_is_closed_at_once(
    app: App, waits: str, caplog: pytest.LogCaptureFixture
) -> None:
    """AV-3: in any state; its browser reconnects by itself."""
    runs = 0 if waits == "for its turn" else 1
    gate = Gate(app, Edge(make_settings()), bounds=Bounds(runs=runs, runs_rate=1 / 3600))
    sent: list[Message] = []
    came: list[Message] = [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "bytes": b""},
    ]

    async def receive() -> Message:
        return came.pop(0) if came else await asyncio.Future[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    async def use() -> Message:
        page = PageSocket(gate, client(CROWDED), receive, send)
        page.number = gate.sockets.open(client(CROWDED), None, page.end)
        await page.receive()
        if runs:
            await page.receive()
        if waits == "for nothing":
            page.end()
        waiting = asyncio.create_task(page.receive())
        await asyncio.sleep(0)
        if waits != "for nothing":
            page.end()
            page.end()  # once more is no fault
        for _ in range(20):  # at once: in a few turns of the loop
            await asyncio.sleep(0)
        assert waiting.done()
        return await waiting

    assert asyncio.run(use())["type"] == "websocket.disconnect"
    assert sent == [{"type": "websocket.close", "code": 1013}]
    assert caplog.messages[-1] == "Closed a websocket to make room for others."


def test_a_websocket_is_asked_for_its_place_through_its_page(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-3: so that it is closed, and not only forgotten."""
    gate = gate_of(app)
    ends: list[object] = []
    monkeypatch.setattr(gate.sockets, "open", lambda client, user, end, **_: ends.append(end))

    assert asyncio.run(ask(gate, "websocket", origin=ORIGIN)) == 503

    assert [getattr(end, "__func__", None) for end in ends] == [PageSocket.end]


@pytest.mark.parametrize("tab", ["", TAB])
def test_streamlit_hears_of_a_page_with_its_first_message(app: App, tab: str) -> None:
    """AV-3: an open connection is no tab yet; nor is one that comes back to a tab that is gone."""
    bounds = Bounds(silent_sockets=0, first_message=0) if tab else Bounds()
    gate = Gate(app, Edge(make_settings()), bounds=bounds)
    given, sent = asyncio.Queue[Message](), list[Message]()
    heard: list[Message] = []

    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append(await receive())
        await send({"type": "websocket.accept", "subprotocol": "streamlit"})
        await send({"type": "websocket.send", "bytes": b"new tab"})
        heard.extend([await receive(), await receive()])

    async def send(message: Message) -> None:
        sent.append(message)

    gate._app = listen
    named = (b"sec-websocket-protocol", f"streamlit, xsrf, {tab}".encode())
    scope = {**SOCKET_SCOPE, "headers": [*SOCKET_SCOPE["headers"], named]}

    async def use() -> None:
        page = asyncio.create_task(gate(scope, given.get, send))
        given.put_nowait({"type": "websocket.connect"})
        while not sent:
            await asyncio.sleep(0)
        assert sent == [{"type": "websocket.accept", "subprotocol": "streamlit"}]
        assert not heard
        for data in (STOP, rerun_with()):
            given.put_nowait({"type": "websocket.receive", "bytes": data})
        await page

    asyncio.run(use())

    assert sent[1:] == [{"type": "websocket.send", "bytes": b"new tab"}]
    assert heard[0] == {"type": "websocket.connect"}
    assert [each["bytes"] for each in heard[1:]] == [STOP, rerun_with()]


def test_a_page_that_comes_back_to_its_tab_is_there_at_once(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GD-8: what its tab has to tell it must not wait until it says something."""
    monkeypatch.setattr(gate_module, "owns_tab", lambda scope, tab: tab == TAB)
    sent: list[Message] = []

    async def receive() -> Message:
        assert not sent
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def told(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})

    gate = gate_of(app)
    gate._app = told
    named = (b"sec-websocket-protocol", f"streamlit, xsrf, {TAB}".encode())
    asyncio.run(gate({**SOCKET_SCOPE, "headers": [*SOCKET_SCOPE["headers"], named]}, receive, send))

    assert sent == [{"type": "websocket.accept"}]


@pytest.mark.parametrize(
    ("first", "closed"),
    [
        (None, [1008]),
        ({"type": "websocket.disconnect"}, []),
        ({"type": "websocket.receive", "text": "text", "bytes": None}, [1008]),
        ({"type": "websocket.receive", "bytes": b"no message"}, [1008]),
        ("the server makes room", [1013]),
    ],
)
def test_a_page_that_says_nothing_sensible_never_was_a_tab(
    app: App, first: Message | str | None, closed: list[int]
) -> None:
    """AV-3: 1,150 sessions of such pages took 42 MB that the process never returned."""
    gate = Gate(app, Edge(make_settings()), bounds=Bounds(first_message=0.01))
    came: list[Message | str | None] = [{"type": "websocket.connect"}, first]
    sent: list[Message] = []

    async def receive() -> Message:
        message = came.pop(0) if came else None
        if isinstance(message, str):
            gate.sockets._open[1].end()
        return message if isinstance(message, dict) else await asyncio.Future[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(gate(SOCKET_SCOPE, receive, send))

    assert [each.get("code") for each in sent] == [None, *closed]
    assert not app.seen and not len(gate.sockets)


@pytest.mark.parametrize(
    "sent",
    [
        [],
        [""],
        ["streamlit"],
        ["streamlit, x"],
        [" a ,b, c "],
        [",x,id"],
        ["a,,c,d"],
        ["a", "b,c,d"],
    ],
)
def test_a_page_names_its_tab_as_streamlit_reads_it(sent: list[str]) -> None:
    """GD-8: its protocol and the tab that it comes back to."""
    headers = [(b"sec-websocket-protocol", each.encode()) for each in sent]
    scope: Scope = {"type": "websocket", "headers": headers}

    protocol, _, tab = starlette_websocket._parse_subprotocols(Headers(scope=scope))

    assert _named(scope) == (protocol, tab or "")


def test_only_the_pages_own_websocket_is_opened(app: App) -> None:
    """AV-3: any other would be accepted first, and keep a place."""
    for path in ("/", "/elsewhere", "/_stcore/stream/more"):
        assert asyncio.run(ask(gate_of(app), "websocket", path=path, origin=ORIGIN)) == 404
    assert not app.seen


class Speaker:
    """A page of a gate that says what it is told to, and remembers how it was closed."""

    def __init__(self, gate: Gate, ip: str, user: str | None = None) -> None:
        self.closed: list[int] = []
        self._said: list[Message] = []
        self.page = PageSocket(gate, client(ip), self._receive, self._send)
        self.page.number = gate.sockets.open(client(ip), user, self.page.end)

    async def says(self, data: bytes) -> Message:
        """Return what the app receives once the gate lets *data* in."""
        self._said.append({"type": "websocket.receive", "bytes": data})
        return await self.page.receive()

    async def _receive(self) -> Message:
        return self._said.pop(0)

    async def _send(self, message: Message) -> None:
        self.closed.append(message["code"])


def test_the_messages_of_a_user_wait_too_once_there_are_many(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    """AV-1: twenty tabs with fifty runs a second stopped the app for everybody."""
    bounds = Bounds(user_messages=2, user_rate=1_000)
    gate = Gate(app, Edge(make_settings()), bounds=bounds)
    gate.turns = Turns(bounds, Clock())
    one, two, other = (Speaker(gate, CALM, user) for user in ("ada", "ada", "grace"))

    for speaker in (one, two, other):
        asyncio.run(speaker.says(rerun_with()))
    assert "Made pages wait" not in caplog.text
    asyncio.run(one.says(rerun_with()))

    assert "Made pages wait" in caplog.text
    assert not gate.sockets.slots.must_wait(crowds=False)


STOP = BackMsg(stop_script=True).SerializeToString()


def test_a_run_of_a_signed_out_page_takes_a_slot_and_nothing_else_does(app: App) -> None:
    """AV-1: until the run gives it back; what only stops a script waits for none."""
    gate = Gate(app, Edge(make_settings()), bounds=Bounds(slot=60))
    first, second = (Speaker(gate, ip) for ip in (CROWDED, CALM))
    slots = gate.sockets.slots

    async def use() -> None:
        await first.says(STOP)
        assert not slots.must_wait(crowds=False)
        await first.says(rerun_with())
        assert slots.must_wait(crowds=False)
        await asyncio.wait_for(second.says(STOP), 30)
        slots.end(first.page.number or 0)
        await asyncio.sleep(0)
        assert not slots.must_wait(crowds=False)

    asyncio.run(use())

    assert not any(socket.is_silent for socket in gate.sockets._open.values())


def test_the_next_run_is_of_the_network_that_asked_for_the_fewest(app: App) -> None:
    """AV-1: a visitor does not wait for all who flood."""
    bounds = Bounds(slot=60, runs=3, runs_rate=1_000)
    gate = Gate(app, Edge(make_settings()), bounds=bounds)
    gate.turns = Turns(bounds, Clock())
    crowd, calm = [Speaker(gate, CROWDED) for _ in range(3)], Speaker(gate, CALM)
    served: list[Speaker] = []

    async def run(speaker: Speaker) -> None:
        await speaker.says(rerun_with())
        served.append(speaker)

    async def use() -> None:
        tasks = [asyncio.create_task(run(speaker)) for speaker in (*crowd, calm)]
        while len(gate.sockets.slots._waiting) < 3:
            await asyncio.sleep(0)
        for count in range(1, 5):
            while len(served) < count:
                await asyncio.sleep(0)
            gate.sockets.slots.end(served[-1].page.number or 0)
        await asyncio.gather(*tasks)

    asyncio.run(asyncio.wait_for(use(), 30))

    assert served == [crowd[0], calm, *crowd[1:]]


@pytest.mark.parametrize(("size", "fits"), [(5_000, True), (5_001, False)])
def test_what_waits_for_its_turn_has_room_to_the_byte(
    app: App, caplog: pytest.LogCaptureFixture, size: int, fits: bool
) -> None:
    """AV-3: beside what waits already; one without room is closed, and its browser comes back."""
    gate = Gate(app, Edge(make_settings()), bounds=Bounds(runs=0, runs_rate=1_000, unfinished=1))
    gate.waiting = before = MEGABYTE - 5_000
    speaker = Speaker(gate, CALM)
    long = rerun_with(WidgetState(string_value="x" * 4_900))
    long = rerun_with(WidgetState(string_value="x" * (4_900 + size - len(long))))

    received = asyncio.run(speaker.says(long))

    assert len(long) == size
    assert received["type"] == ("websocket.receive" if fits else "websocket.disconnect")
    assert speaker.closed == ([] if fits else [1013])
    assert gate.waiting == before
    waits = f"Made pages wait for a run ({CALM})."
    refused = "Closed a websocket whose message had no room to wait."
    assert caplog.messages == [waits if fits else refused]


def test_a_user_may_send_more_fields_than_a_signed_out_visitor(app: App) -> None:
    """AV-2: a page of theirs may have a large table."""
    many = rerun_with(*[WidgetState(id="a")] * BOUNDS.parts)
    gate = gate_of(app)

    received = [asyncio.run(Speaker(gate, CALM, user).says(many)) for user in ("ada", None)]

    assert [each["type"] for each in received] == ["websocket.receive", "websocket.disconnect"]


def test_a_visitor_without_room_gets_a_calm_page_that_tries_again(
    app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """AV-3: Streamlit's own would stay grey forever; a signed-in user is admitted."""
    gate = gate_of(app, app_name="<Acme>")
    monkeypatch.setattr(gate.sockets, "has_room", lambda client: False)
    whose = iter([None, "ada"])

    async def user(scope: Scope) -> str | None:
        assert scope["path"] == "/"
        return next(whose)

    monkeypatch.setattr(gate, "_user", user)

    pages = [asyncio.run(ask(gate, path="/", sec_fetch_dest="document")) for _ in range(2)]
    others = asyncio.run(ask(gate, path="/static/js/index.js", sec_fetch_dest="script"))
    health = asyncio.run(ask(gate, path="/healthz", sec_fetch_dest="document"))

    assert (pages, others, health) == ([503, 204], 204, 204)
    assert caplog.messages == ["Refused a page: too many are open (192.0.2.7)."]
    page = bytes(full_page("<Acme>").body)
    assert b"&lt;Acme&gt; is busy" in page
    assert b'http-equiv="refresh" content="20"' in page


async def send_messages(gate: Gate, sent: list[bytes], cookie: bool = False) -> list[bytes]:
    """Open a page through *gate* and send messages; return those passed on until it waits."""
    came: list[bytes] = []
    messages: list[Message] = [
        {"type": "websocket.connect"},
        *({"type": "websocket.receive", "bytes": data} for data in sent),
        {"type": "websocket.disconnect"},
    ]

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        pass

    async def user(scope: Scope) -> str | None:
        return "ada" if cookie else None

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            if "bytes" in message:
                came.append(message["bytes"])

    gate._app, gate._user = app, user  # type: ignore[method-assign]
    page = asyncio.create_task(gate(SOCKET_SCOPE, receive, send))
    with suppress(TimeoutError):
        async with asyncio.timeout(0.3):
            await page
    return came


@pytest.mark.parametrize("cookie", [False, True])
def test_a_message_waits_for_its_turn_unless_its_page_is_signed_in(app: App, cookie: bool) -> None:
    """AV-1: in order; nothing more is read meanwhile, so waiting costs no memory here."""
    gate = Gate(app, Edge(make_settings()), bounds=Bounds(runs=2, runs_rate=1 / 3600))

    came = asyncio.run(send_messages(gate, [b"\x10\1", b"\x10\2", b"\x10\3"], cookie))

    assert came == [b"\x10\1", b"\x10\2", b"\x10\3"][: 3 if cookie else 2]


def test_messages_that_wait_are_bounded_in_bytes(app: App) -> None:
    """AV-3: 300 pages of a network may wait, with 25 MB each; the browser reconnects."""
    bounds = Bounds(runs=1, runs_rate=100, unfinished=0)
    long = rerun_with(*[WidgetState(id="name", bytes_value=b"x" * 60_000)] * 2)

    came = asyncio.run(send_messages(Gate(app, Edge(make_settings()), bounds=bounds), [long] * 2))

    assert came == [long]


@pytest.mark.parametrize("cookie", [False, True])
def test_a_user_may_send_a_large_message_and_a_visitors_is_cut_to_size(
    app: App, cookie: bool
) -> None:
    """AV-2, AV-3: Streamlit keeps a message whole, and parses a page's query on every run."""
    state = WidgetState(id="name", string_value="x" * MEGABYTE)
    query = "x" * (LONGEST_TEXT + 1)
    short = WidgetState(id="name", string_value="x" * LONGEST_TEXT)
    longest = rerun_with(query=query[1:])

    sent = [rerun_with(state, query=query), longest]
    came = asyncio.run(send_messages(Gate(app, Edge(make_settings())), sent, cookie))

    assert came == [sent[0] if cookie else rerun_with(short), longest]


@pytest.mark.parametrize("cookie", [False, True])
def test_a_visitors_large_message_of_anything_else_closes_the_connection(
    app: App, cookie: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """AV-2: such as a request for files, which is no run and has no text to cut."""
    long_name = BackMsg()
    long_name.file_urls_request.session_id = "x" * LARGEST_MESSAGE
    sent = [long_name.SerializeToString()]

    came = asyncio.run(send_messages(Gate(app, Edge(make_settings())), sent, cookie))

    assert came == (sent if cookie else [])
    assert ("too large a message" in caplog.text) is not cookie


def test_a_message_that_has_waited_arrives(app: App) -> None:
    """AV-1: none is dropped, since it may be a button press."""
    gate = Gate(app, Edge(make_settings()), bounds=Bounds(runs=1, runs_rate=100))

    came = asyncio.run(send_messages(gate, [b"\x10\1", b"\x10\2", b"\x10\3"]))

    assert came == [b"\x10\1", b"\x10\2", b"\x10\3"]
    assert gate.waiting == 0


def test_what_is_no_request_reaches_the_app_as_it_came(app: App) -> None:
    """CK-11: such as the server's own start and end."""
    scope: Scope = {"type": "lifespan"}

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        pass

    asyncio.run(gate_of(app)(scope, receive, send))

    assert app.seen[0] is scope


@pytest.mark.parametrize(
    ("kind", "path", "serves_cookie", "status"),
    [
        ("http", "/", True, 400),
        ("http", "/healthz", True, 204),
        ("http", "/healthz/more", True, 400),
        ("http", "/", False, 204),
        ("websocket", "/healthz", True, 400),
    ],
)
def test_only_a_health_check_may_use_another_host(
    app: App, kind: str, path: str, serves_cookie: bool, status: int
) -> None:
    """CK-11: a balancer asks by IP address; plain Streamlit leaves hosts to the server."""
    gate = gate_of(app, serves_cookie=serves_cookie)

    assert asyncio.run(ask(gate, kind, path=path, host="evil.example", origin=ORIGIN)) == status
    assert len(app.seen) == (status == 204)


@pytest.mark.parametrize(
    ("method", "site", "status"),
    [
        *(("GET", "cross-site", 204), ("HEAD", "cross-site", 204), ("OPTIONS", "cross-site", 204)),
        *(("POST", "same-origin", 204), ("POST", "cross-site", 403), ("PUT", "same-site", 403)),
    ],
)
def test_a_page_of_another_site_changes_nothing(
    app: App, caplog: pytest.LogCaptureFixture, method: str, site: str, status: int
) -> None:
    """CK-5: what only reads may come from anywhere; a refusal is logged with its network."""
    assert asyncio.run(ask(gate_of(app), method=method, sec_fetch_site=site)) == status

    refusal = "malicious_csrf: refused a request of another site (192.0.2.7)."
    assert caplog.messages == ([refusal] if status == 403 else [])


def test_a_websocket_of_another_site_is_logged(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """CK-11, LG-1: with the network that it came from."""
    assert asyncio.run(ask(gate_of(app), "websocket", origin="https://evil.example")) == 403

    assert caplog.messages == ["malicious_csrf: refused a websocket not from BASE_URL (192.0.2.7)."]


def test_a_websocket_is_closed_where_the_server_cannot_answer_it(app: App) -> None:
    """CK-11: not every server has the extension for a response."""
    sent: list[Message] = []
    scope: Scope = {
        "type": "websocket",
        "path": "/_stcore/stream",
        "scheme": "ws",
        "client": None,
        "headers": [(b"host", HOST.encode())],
    }

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(gate_of(app)(scope, receive, send))

    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("serves_cookie", [True, False])
def test_the_gate_knows_a_user_by_the_cookie_of_an_open_session(
    app: App, service: AuthService, ada: Person, serves_cookie: bool
) -> None:
    """AV-3: a look that counts as no use; no cookie, an ended session or no database: no one."""
    edge = Edge(make_settings(base_url="https://app.example.com"), service=lambda: service)
    gate = Gate(app, edge, serves_cookie=serves_cookie)
    name = "__Host-auth" if serves_cookie else "auth"
    token, ended = (service.log_in(ada.email, ada.password, LAPTOP).token for _ in range(2))
    service.log_out(ended)

    def user(cookie: str) -> str | None:
        return asyncio.run(gate._user({"headers": [(b"cookie", cookie.encode())], "scheme": "ws"}))

    asked: list[dict[str, object]] = []
    resume = service.resume

    def note_and_resume(token: str, **how: object) -> object:
        asked.append(how)
        return resume(token, **how)  # type: ignore[arg-type]

    service.resume = note_and_resume  # type: ignore[method-assign, assignment]

    assert user(f"{name}={token}") == ada.id
    assert asked == [{"touch": False, "trusted": True}]  # SE-4, SE-9
    assert user(f"{name}={ended}") is user(f"other={token}") is user("") is None

    def unavailable() -> AuthService:
        raise Unavailable

    gate.edge = Edge(edge.settings, service=unavailable)
    assert user(f"{name}={token}") is None


@pytest.mark.parametrize(("proxies", "network"), [(0, "unknown"), (1, "198.51.100.9")])
def test_a_visitor_counts_by_the_ip_that_a_trusted_proxy_reports(
    app: App, monkeypatch: pytest.MonkeyPatch, proxies: int, network: str
) -> None:
    """TH-2: without a configured proxy, the header says that the connection's own may be one."""
    gate = gate_of(app, trusted_proxies=proxies)
    counted: list[str] = []

    def has_room(visitor: Client) -> bool:
        counted.append(visitor.network)
        return True

    monkeypatch.setattr(gate.sockets, "has_room", has_room)
    sent = {"sec_fetch_dest": "document", "x_forwarded_for": "203.0.113.5, 198.51.100.9"}

    asyncio.run(ask(gate, **sent))

    assert counted == [network]


@pytest.mark.usefixtures("signed_in")
@pytest.mark.parametrize("file", ["file", "file/of/more/parts"])
@pytest.mark.parametrize("size", [5_000, 2**63])
def test_an_upload_without_room_is_refused(
    app: App,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    file: str,
    size: int,
) -> None:
    """AV-3: before its body is read; the user and the length decide."""
    gate = gate_of(app, serves_cookie=False)
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(gate.uploads, "reserve", lambda *upload: asked.append(upload))

    path = f"/_stcore/upload_file/{TAB}/{file}"
    sent = {"path": path, "sec_fetch_site": "same-origin", "content_length": str(size)}

    assert asyncio.run(answer(gate, method="PUT", **sent)) == (413, gate_module.NO_ROOM)
    assert caplog.messages == ["Refused an upload: its user or this server has no room."]
    assert asked == [("ada", TAB, file, size)]
    assert app.seen == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (None, "that sent text"),
        (rerun_with(*[WidgetState()] * 7_000), "that sent a message of too many parts"),
        (b"\x0b", "that sent what is no message"),
        (BackMsg(debug_disconnect_websocket=True).SerializeToString(), "that sent what no page"),
    ],
    ids=["text", "many parts", "no message", "debug"],
)
def test_a_page_that_sends_what_none_sends_is_closed(
    app: App, caplog: pytest.LogCaptureFixture, data: bytes | None, why: str
) -> None:
    """AV-2: with the code for a broken rule: its browser does not try again."""
    gate = gate_of(app)
    sent: list[Message] = []
    message: Message = {"type": "websocket.receive", "text": "x"}
    came: list[Message] = [
        {"type": "websocket.connect"},
        message if data is None else {"type": "websocket.receive", "bytes": data},
    ]

    async def receive() -> Message:
        return came.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    async def use() -> Message:
        page = PageSocket(gate, client(CALM), receive, send)
        page.number = gate.sockets.open(client(CALM), None, page.end)
        assert (await page.receive())["type"] == "websocket.connect"
        return await page.receive()

    assert asyncio.run(use()) == {"type": "websocket.disconnect", "code": 1008}
    assert sent == [{"type": "websocket.close", "code": 1008}]
    assert caplog.messages[0].startswith(f"Closed a websocket {why}")


@pytest.mark.parametrize(("speaks", "comes_back"), [(True, False), (False, True), (False, False)])
def test_only_a_new_page_that_has_said_nothing_is_closed_for_its_silence(
    app: App, caplog: pytest.LogCaptureFixture, speaks: bool, comes_back: bool
) -> None:
    """AV-3: a visitor may read for hours, also after the connection was lost in between."""
    gate = Gate(app, Edge(make_settings()), bounds=Bounds(first_message=0.01))
    came: list[Message] = [{"type": "websocket.connect"}]
    came += [{"type": "websocket.receive", "bytes": b""}] if speaks else []
    sent: list[Message] = []

    async def receive() -> Message:
        return came.pop(0) if came else await asyncio.Future[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    async def use() -> None:
        page = PageSocket(gate, client(CALM), receive, send, comes_back=comes_back)
        page.number = gate.sockets.open(client(CALM), None, page.end)
        for _ in range(len(came)):
            await page.receive()
        with suppress(TimeoutError):
            await asyncio.wait_for(page.receive(), 0.1)

    asyncio.run(use())

    stays = speaks or comes_back
    assert sent == ([] if stays else [{"type": "websocket.close", "code": 1008}])
    assert caplog.messages == ([] if stays else ["Closed a websocket that said nothing."])


async def read_body(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the length of the body."""
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


async def post(gate: Gate, pieces: list[Message], turns: int = 0) -> list[Message]:
    """Send a body in *pieces*, all but the first *turns* of the loop late; return the response."""
    sent: list[Message] = []
    came = 0
    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "scheme": "http",
        "client": ("192.0.2.7", 50_000),
        "headers": [(b"host", HOST.encode()), (b"sec-fetch-site", b"none")],
    }

    async def receive() -> Message:
        nonlocal came
        for _ in range(turns if came else 0):
            await asyncio.sleep(0)
        came += 1
        return pieces.pop(0) if pieces else await asyncio.Future[Message]()

    async def send(message: Message) -> None:
        sent.append(message)

    await gate(scope, receive, send)
    return sent


def piece(size: int, *, more: bool = True) -> Message:
    """Return *size* bytes of a body."""
    return {"type": "http.request", "body": b"x" * size, "more_body": more}


def test_a_body_that_comes_too_slowly_is_answered(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    """AV-3: and its connection is closed, as the rest may still come."""
    gate = Gate(read_body, Edge(make_settings()), bounds=Bounds(body=0.01))

    start, body = asyncio.run(post(gate, [piece(9)]))

    assert start["status"] == 408
    assert (b"connection", b"close") in start["headers"]
    assert b"too long" in body["body"]
    assert caplog.messages == ["Refused a request whose body came too slowly."]


def test_a_body_gets_time_for_its_length(app: App) -> None:
    """AV-3: one that keeps coming is read to its end."""
    gate = Gate(read_body, Edge(make_settings()), bounds=Bounds(body=0, body_rate=1))
    pieces = [piece(50), piece(50), piece(7, more=False)]

    start, body = asyncio.run(post(gate, pieces, turns=5))

    assert (start["status"], body["body"]) == (200, b"107")


def test_what_comes_after_a_body_has_no_time_limit(app: App) -> None:
    """AV-3: it is the client's leaving, for which a long answer waits."""
    came: list[Message] = []

    async def wait_for_the_client(scope: Scope, receive: Receive, send: Send) -> None:
        came.extend([await receive(), await receive()])

    gate = Gate(wait_for_the_client, Edge(make_settings()), bounds=Bounds(body=0))
    pieces: list[Message] = [piece(0, more=False), {"type": "http.disconnect", "by": "the client"}]

    asyncio.run(post(gate, [*pieces], turns=5))

    assert came == pieces


def test_a_body_need_not_be_there_at_once(app: App) -> None:
    """AV-3: every visitor's arrives over a network."""
    gate = Gate(read_body, Edge(make_settings()), bounds=Bounds(body=60))

    start, body = asyncio.run(post(gate, [piece(9), piece(9, more=False)], turns=5))

    assert (start["status"], body["body"]) == (200, b"18")


@pytest.mark.parametrize("left", [True, False])
def test_a_client_that_leaves_gets_no_answer(app: App, left: bool) -> None:
    """AV-3: nor does one that is late once the response has begun."""

    async def answer_first(scope: Scope, receive: Receive, send: Send) -> None:
        if not left:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await Request(scope, receive).body()

    gate = Gate(answer_first, Edge(make_settings()), bounds=Bounds(body=0.01))

    sent = asyncio.run(post(gate, [{"type": "http.disconnect"}] if left else []))

    assert [message["status"] for message in sent] == ([] if left else [200])


def test_a_server_says_nothing_of_each_visitor(app: App) -> None:
    """LG-2: its lines hold the URLs of emailed links; what goes wrong is still said."""
    gate_of(app)
    log = logging.getLogger("uvicorn.error")

    def passes(level: int, text: str) -> bool:
        return bool(log.filter(log.makeRecord(log.name, level, "", 0, text, (), None)))

    assert logging.getLogger("uvicorn.access").disabled
    assert not passes(logging.INFO, '%s - "WebSocket %s" [accepted]')
    assert not passes(logging.INFO, "connection open")
    assert not passes(logging.INFO, "connection closed")
    assert passes(logging.INFO, "Uvicorn running on %s://%s:%d")
    assert passes(logging.WARNING, "connection closed")


def test_plain_streamlit_gets_a_gate_before_its_settings_are_right(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CK-11: an operator who corrects `.env` is noticed soon, and the settings then stay."""
    found: list[Settings | None] = [None, None, make_settings(app_name="Acme")]
    now = [100.0]

    def load(*, local_url: str | None) -> Settings:
        assert local_url == "http://localhost:8600"
        settings = found.pop(0)
        if settings is None:
            raise SettingsError("SECRET_KEY is missing.")
        return settings

    monkeypatch.setattr(gate_module, "load_settings", load)
    monkeypatch.setattr(gate_module, "local_url", lambda: "http://localhost:8600")

    def service() -> AuthService:
        pytest.fail("the service was asked for")

    plain = PlainGate(app, service)

    async def use(seconds: float) -> Gate:
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: now[0] + seconds)
        assert await ask(plain) == 204
        return plain._ready()

    gates = [asyncio.run(use(seconds)) for seconds in (0, TRY_AGAIN - 1, TRY_AGAIN)]
    assert len(found) == 1
    gates += [asyncio.run(use(seconds)) for seconds in (2 * TRY_AGAIN, 1_000)]

    assert len({id(gate) for gate in gates}) == 1
    assert found == [] and gates[0].edge.settings.app_name == "Acme"
    assert gates[0].edge.service is service
    assert not gates[0]._serves_cookie


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        ({"host": "evil.example"}, (400, gate_module.WRONG_HOST)),
        ({"host": ""}, (400, gate_module.WRONG_HOST)),
        ({"path": "/_stcore/metrics"}, (404, gate_module.NOT_FOUND)),
        ({"method": "POST", "sec_fetch_site": "cross-site"}, (403, gate_module.NOT_OURS)),
        ({"method": "PUT", "path": UPLOAD, "sec_fetch_site": "none"}, (411, gate_module.NO_LENGTH)),
        (
            {"method": "PUT", "path": "/_stcore/upload_file/x/y", "sec_fetch_site": "none"},
            (403, gate_module.LOG_IN_TO_UPLOAD),
        ),
    ],
)
@pytest.mark.usefixtures("signed_in")
def test_a_refusal_says_what_is_wrong(
    app: App, monkeypatch: pytest.MonkeyPatch, sent: dict[str, str], refusal: tuple[int, str]
) -> None:
    """CK-11, AV-3: and nothing reaches the app."""
    gate = Gate(app, Edge(make_settings()))

    async def user(scope: Scope) -> str | None:
        return "ada"

    monkeypatch.setattr(gate, "_user", user)

    assert asyncio.run(answer(gate, **sent)) == refusal
    assert app.seen == []


def test_a_request_for_another_host_is_logged(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """LG-1: the operator who sees this page finds there which setting is wrong."""
    asyncio.run(ask(gate_of(app), host="evil.example"))

    said = "Refused a request for another host: see BASE_URL."
    assert caplog.record_tuples == [("auth.gate", logging.WARNING, said)]


@pytest.mark.parametrize(
    ("method", "path", "host", "status"),
    [
        ("GET", "/MATRIX/healthz", "10.0.0.7", 204),
        ("GET", "/healthz", "10.0.0.7", 400),
        ("GET", "/MATRIX/_stcore/metrics", HOST, 404),
        ("PUT", f"/MATRIX{UPLOAD}", HOST, 403),
    ],
)
def test_an_app_under_a_path_has_its_routes_there(
    app: App, method: str, path: str, host: str, status: int
) -> None:
    """CK-11, AV-3: `server.baseUrlPath` moves Streamlit's own."""
    gate = Gate(app, Edge(make_settings(), "/MATRIX"))

    sent = {"path": path, "host": host, "sec_fetch_site": "none"}

    assert asyncio.run(ask(gate, method=method, **sent)) == status


def test_plain_streamlit_is_opened_by_the_origins_that_its_options_name(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CK-11: `server.corsAllowedOrigins`, which Streamlit itself would go by."""
    gate = gate_of(app, serves_cookie=False, app_env="production")
    monkeypatch.setattr(config, "get_option", lambda name: [" https://other.example.com "])

    assert asyncio.run(ask(gate, "websocket", origin="https://other.example.com")) == 101
    assert asyncio.run(ask(gate, "websocket", origin="https://evil.example")) == 403


def test_an_open_websocket_can_be_found_by_its_number_until_it_closes(app: App) -> None:
    """AV-3: the script reports its user, and the end of a run, under it."""
    gate = gate_of(app)
    found: list[object] = []

    async def look(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(OPEN_SOCKETS.get(int(Headers(scope=scope)["x-auth-socket"])))
        await app(scope, receive, send)

    gate._app = look
    before = dict(OPEN_SOCKETS)

    asyncio.run(ask(gate, "websocket", origin=ORIGIN))

    assert found == [gate.sockets]
    assert before == OPEN_SOCKETS


@pytest.mark.parametrize(("proxies", "by_network"), [(0, True), (1, False), (2, False)])
def test_the_gate_looks_after_connections_and_tabs_from_its_first_request_on(
    app: App, monkeypatch: pytest.MonkeyPatch, proxies: int, by_network: bool
) -> None:
    """AV-3: again and again; behind a proxy every connection is of one network."""
    done: list[object] = []

    class Recorded:
        def __init__(self, *given: object) -> None:
            self.given = given

        def look(self, connections: list[str], *, by_network: bool) -> None:
            done.append((self.given, connections, by_network))

    server = SimpleNamespace(connections={"a connection"})
    monkeypatch.setattr(gate_module, "Patrol", Recorded)
    monkeypatch.setattr(gate_module, "raise_descriptor_limit", lambda: 1_024)
    monkeypatch.setattr(gate_module, "running_servers", lambda: [server])
    monkeypatch.setattr(gate_module, "forget_closed_tabs", done.append)
    gate = Gate(app, Edge(make_settings(trusted_proxies=proxies)), bounds=Bounds(look_every=0))
    monkeypatch.setattr(gate.turns, "forget", lambda: done.append("turns"))

    async def use() -> None:
        await ask(gate)
        first = gate._patrolling
        await ask(gate)
        assert gate._patrolling is first
        for _ in range(5):
            await asyncio.sleep(0)

    asyncio.run(use())

    look = ((gate.bounds, 1_024, gate.log), ["a connection"], by_network)
    assert done[:6] == [look, gate.uploads, "turns"] * 2


def test_a_run_of_a_fragment_takes_no_slot(app: App) -> None:
    """AV-1: one that is not on the page never runs, and so would not give it back."""

    async def use() -> None:
        gate = Gate(app, Edge(make_settings()), bounds=Bounds(slots=1, slot=60))
        message = BackMsg()
        message.rerun_script.fragment_id = "0123456789abcdef" * 2
        received = await asyncio.wait_for(
            Speaker(gate, CROWDED).says(message.SerializeToString()), 30
        )

        assert received["type"] == "websocket.receive"
        assert not gate.sockets.slots.must_wait(crowds=False)

    asyncio.run(use())


@pytest.mark.parametrize("user", ["ada", None])
@pytest.mark.parametrize("fragment", ["\n{}", "\x1b[2J", "a" * 65, "A"])
def test_what_is_no_fragment_reaches_no_log(app: App, user: str | None, fragment: str) -> None:
    """LG-3: Streamlit logs a fragment that it does not know, as it came."""
    message = BackMsg()
    message.rerun_script.fragment_id = fragment
    speaker = Speaker(Gate(app, Edge(make_settings())), CALM, user)

    received = asyncio.run(speaker.says(message.SerializeToString()))

    assert received["type"] == "websocket.disconnect"


def test_no_cookie_with_an_escape_is_read(app: App) -> None:
    """CVE-2024-7592: 60 KB of them held the event loop for 14 seconds."""
    asyncio.run(ask(gate_of(app), cookie='a=1; b="\\\\ \\054"; c=3'))
    asyncio.run(ask(gate_of(app), cookie='a=1; b="2"; c=3'))

    assert [Headers(scope=scope)["cookie"] for scope in app.seen] == ["a=1; c=3", 'a=1; b="2"; c=3']


def test_errors_that_the_event_loop_reports_do_not_flood_the_log(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    """AV-7: what a visitor sends may have made uvicorn raise them, at any rate."""
    gate_of(app)

    for _ in range(5 * MOST):
        logging.getLogger("asyncio").error("Fatal error: protocol.data_received() call failed.")

    assert len(caplog.records) == MOST
