"""uvicorn's two protocols as the gate bounds them: real ones, on a transport that only notes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from web import messages
from web.messages import (
    CRUMB,
    CRUMBS_IN,
    LONGEST_HEAD,
    LONGEST_TARGET,
    MOST_CRUMBS,
    MOST_HEADERS,
    MOST_WAITING,
    SLICE,
    TOO_LONG,
    bound_messages,
    bounding_frames,
    bounding_requests,
)

HOST = b"Host: localhost\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST
PUT = b"PUT / HTTP/1.1\r\n" + HOST
PAGE = b"GET /_stcore/stream HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
PAGE += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
A_MESSAGE = Frame(Opcode.BINARY, b"").serialize(mask=True)
Scenario = Callable[["Wire"], Awaitable[None]]


class Wire:
    """A transport: what was written, and what was done to it."""

    def __init__(self, protocol: Any) -> None:
        self.protocol = protocol
        self.written = b""
        self.is_reading = True
        self.aborted = self.closed = False
        protocol.connection_made(self)

    def send(self, data: bytes) -> None:
        """Let *data* arrive."""
        self.protocol.data_received(data)

    def get_protocol(self) -> object:
        """Return the protocol of what arrives."""
        return self.protocol

    def set_protocol(self, protocol: object) -> None:
        """Hand what arrives to another protocol."""
        self.protocol = protocol

    def is_closing(self) -> bool:
        """Return whether the connection ends."""
        return self.aborted or self.closed

    def write(self, data: bytes) -> None:
        """Send *data*."""
        self.written += data

    def abort(self) -> None:
        """End the connection at once."""
        self.aborted = True

    def close(self) -> None:
        """End the connection."""
        self.closed = True

    def get_write_buffer_size(self) -> int:
        """Return 0: what is written is gone. Gates of later tests may ask."""
        return 0

    def pause_reading(self) -> None:
        """Let nothing more arrive."""
        self.is_reading = False

    def resume_reading(self) -> None:
        """Let more arrive."""
        self.is_reading = True

    def get_extra_info(self, name: str) -> None:
        """Return nothing of the socket: there is none."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept a page and read nothing; answer PUT at once, all else once its body is there."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.Event().wait()
    while scope["method"] != "PUT" and (await receive()).get("more_body"):
        pass
    headers = [(b"content-length", b"8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    if scope["path"] == "/file":
        await send({"type": "http.response.body", "body": b"answered", "more_body": True})
        await settle(20)
    await send(
        {"type": "http.response.body", "body": b"" if scope["path"] == "/file" else b"answered"}
    )


def loaded() -> uvicorn.Config:
    """Return what uvicorn makes its protocols with."""
    config = uvicorn.Config(app, http="h11", ws="websockets-sansio", log_level="critical")
    config.load()
    return config


def visit(scenario: Scenario) -> None:
    """Run *scenario* with the wire of a new connection."""

    async def run() -> None:
        config = loaded()
        bound_messages()
        make: Any = config.http_protocol_class
        protocol = make(config=config, server_state=ServerState(), app_state={})
        wire = Wire(protocol)
        await scenario(wire)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(run())


async def open_page(wire: Wire) -> Any:
    """Open a page on *wire* and return its protocol."""
    wire.send(PAGE)
    await settle()
    assert b" 101 " in wire.written
    return wire.protocol


async def settle(turns: int = 10) -> None:
    """Let the app go on until it waits, or for so many *turns* of the event loop."""
    for _ in range(turns):
        await asyncio.sleep(0)


def test_both_protocols_of_a_server_are_bounded_once() -> None:
    """AV-3: the patrol looks again and again."""
    config = loaded()
    bound_messages()
    pages, requests = config.ws_protocol_class, config.http_protocol_class
    bound_messages()

    assert (config.ws_protocol_class, config.http_protocol_class) == (pages, requests)
    assert isinstance(pages, type) and issubclass(pages, WebSocketsSansIOProtocol)
    assert isinstance(requests, type) and issubclass(requests, H11Protocol)
    assert config.h11_max_incomplete_event_size == LONGEST_HEAD


def test_a_body_of_known_length_arrives_as_it_came() -> None:
    """AV-5: in one piece, and whatever it holds."""
    body = b"\n" * 2 * SLICE

    async def scenario(wire: Wire) -> None:
        head = POST + b"Content-Length: %d\r\n\r\n" % (2 * len(body))
        wire.send(head + body)
        wire.send(body)
        assert bytes(wire.protocol.cycle.body) == 2 * body
        await settle()
        assert wire.written.endswith(b"answered") and not wire.is_closing()
        wire.send(head)
        wire.send(2 * body)
        await settle()
        assert wire.written.count(b"answered") == 2

    visit(scenario)


def test_the_chunks_of_a_body_are_dropped() -> None:
    """AV-5: the gate has refused it by then."""

    async def scenario(wire: Wire) -> None:
        wire.send(POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 1_000)
        assert not wire.is_reading
        assert len(wire.protocol.cycle.body) < SLICE
        wire.send(b"1\r\na\r\n" * 1_000)
        assert len(wire.protocol.cycle.body) < SLICE

    visit(scenario)


@pytest.mark.parametrize("body", [b"\n" * 10 * MOST_HEADERS, b"a" * 2 * LONGEST_TARGET])
def test_the_body_of_a_refused_request_is_no_head(body: bytes) -> None:
    """AV-3: the client can read why an upload was refused, and use its connection again."""

    async def scenario(wire: Wire) -> None:
        for _ in range(2):
            wire.send(PUT + b"Content-Length: %d\r\n\r\n" % len(body))
            await settle()
            assert wire.written.endswith(b"answered")
            wire.send(body[:SLICE])
            wire.send(body[SLICE:])
        wire.send(GET + b"\r\n")
        await settle()
        assert wire.written.count(b"answered") == 3 and not wire.is_closing()
        wire.send(GET + b"a:\r\n" * MOST_HEADERS)
        assert TOO_LONG.encode() in wire.written

    visit(scenario)


def test_chunks_that_follow_an_answer_end_the_connection() -> None:
    """AV-5: a health check is answered, whatever comes with it."""

    async def scenario(wire: Wire) -> None:
        wire.send(PUT + b"Transfer-Encoding: chunked\r\nContent-Length: 9000\r\n\r\n1\r\na\r\n")
        await settle()
        assert wire.written.endswith(b"answered")
        wire.send(b"1\r\na\r\n" * 1_000)
        assert wire.written.endswith(b"answered") and wire.closed

    visit(scenario)


@pytest.mark.parametrize("first", [b"", POST + b"Content-Length: 1000\r\n\r\n" + b"a" * 1_000])
def test_a_request_before_the_last_ones_answer_ends_the_connection(first: bytes) -> None:
    """AV-5: it would be parsed whole after that answer, also if it comes right behind a body."""

    async def scenario(wire: Wire) -> None:
        wire.send(first or GET + b"\r\n")
        assert not wire.is_closing()
        wire.send(GET + b"\r\n")
        assert wire.aborted

    async def at_once(wire: Wire) -> None:
        wire.send((first or GET + b"\r\n") + GET + b"a:\r\n" * MOST_HEADERS + b"\r\n")
        assert wire.aborted

    visit(scenario)
    visit(at_once)


def test_a_request_waits_until_the_answer_that_its_client_has_is_over() -> None:
    """AV-5: Starlette ends the answer with a file of 64 KB after the client has all of it."""

    async def scenario(wire: Wire) -> None:
        for count in (1, 2, 3):
            wire.send(GET.replace(b"/", b"/file", 1) + b"\r\n")
            await settle()
            assert wire.written.count(b"answered") == 2 * count - 1
            wire.send(GET)
            wire.send(b"\r\n")
            assert not wire.is_reading and not wire.is_closing()
            await settle(40)
            assert wire.written.count(b"answered") == 2 * count and wire.is_reading
        wire.send(GET.replace(b"/", b"/file", 1) + b"\r\n")
        await settle()
        wire.send(b"a" * messages.LARGEST_SLICE)
        assert not wire.is_closing()
        wire.send(b"a")
        assert wire.aborted

    visit(scenario)


@pytest.mark.parametrize(
    ("begun", "more"),
    [
        (GET + b"a:\r\n" * (MOST_HEADERS - 2), b"a:\r\n"),
        (b"GET /" + b"a" * (LONGEST_TARGET - 5), b"a"),
    ],
)
def test_a_head_is_refused_at_its_bound(begun: bytes, more: bytes) -> None:
    """AV-5: in the first request of a connection, and in a later one."""

    async def scenario(wire: Wire) -> None:
        for _ in range(3):
            wire.send(GET + b"\r\n")
            await settle()
        answered = wire.written
        wire.send(begun)
        assert wire.written == answered and not wire.is_closing()
        wire.send(more + b"b" * 10 * SLICE)
        assert wire.written.count(TOO_LONG.encode()) == 1 and wire.closed

    visit(scenario)


def test_what_comes_with_the_handshake_is_dropped() -> None:
    """AV-5: no browser sends a message before the answer."""

    async def scenario(wire: Wire) -> None:
        wire.send(PAGE + A_MESSAGE * 500)
        await settle()
        assert b" 101 " in wire.written and not wire.is_closing()
        assert wire.protocol.queue.empty()

    visit(scenario)


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        (b"Content-Length: 5", b""),
        (b"Transfer-Encoding: chunked", b""),
        (b"a: \x01", b""),
        (b"Sec-WebSocket-Key: another", b"HTTP/1.1 400 "),
    ],
)
def test_a_handshake_that_cannot_be_read_ends_the_connection(header: bytes, answer: bytes) -> None:
    """AV-3: it would stay for good, seen by no bound."""

    async def scenario(wire: Wire) -> None:
        wire.send(PAGE[:-2] + header + b"\r\n\r\n")
        await settle()
        assert wire.closed and wire.written.startswith(answer)

    visit(scenario)


@pytest.mark.parametrize(
    "frame",
    [b"\xff\xff", Frame(Opcode.TEXT, b"\xff").serialize(mask=True)],
    ids=["no frame", "no UTF-8"],  # the mask is random
)
def test_what_comes_before_the_answer_to_a_handshake_ends_the_connection(frame: bytes) -> None:
    """AV-7: each had a traceback in the log."""

    async def scenario(wire: Wire) -> None:
        wire.send(PAGE)
        wire.send(frame)
        assert wire.aborted and not wire.written

    visit(scenario)


def test_a_page_whose_messages_wait_need_not_have_answered_a_ping() -> None:
    """AV-1: the answer is behind them, and nothing of a waiting page is read."""

    async def scenario(wire: Wire) -> None:
        page = await open_page(wire)
        wire.send(A_MESSAGE)
        page.send_keepalive_ping()
        page.keepalive_timeout()
        assert not wire.is_closing()
        page.read_paused = False
        page.keepalive_timeout()
        assert wire.is_closing()

    visit(scenario)


def test_a_burst_of_frames_ends_the_connection_at_the_bound() -> None:
    """AV-3: the frames behind it are not parsed."""

    async def scenario(wire: Wire) -> None:
        page = await open_page(wire)
        wire.send(A_MESSAGE * MOST_WAITING)
        assert page.queue.qsize() == MOST_WAITING and not wire.aborted
        wire.send(A_MESSAGE * 1_000)
        assert page.queue.qsize() == MOST_WAITING and wire.aborted

    visit(scenario)


def test_a_large_message_is_parsed_in_ever_larger_slices() -> None:
    """AV-2: 20 MB in slices of 256 bytes would take half a second."""
    parsed: list[int] = []

    async def scenario(wire: Wire) -> None:
        page = await open_page(wire)
        receive_data = page.conn.receive_data

        def noted(data: bytes) -> None:
            parsed.append(len(data))
            receive_data(data)

        page.conn.receive_data = noted
        wire.send(A_MESSAGE)
        wire.send(Frame(Opcode.BINARY, b"a" * 2_000_000).serialize(mask=True))
        assert page.queue.qsize() == 2 and not wire.aborted

    visit(scenario)
    assert parsed[:5] == [len(A_MESSAGE), SLICE, 2 * SLICE, 4 * SLICE, 8 * SLICE]
    assert max(parsed) == messages.LARGEST_SLICE
    assert sum(parsed) > 2_000_000 and len(parsed) < 25


@pytest.mark.parametrize("opcode", [Opcode.PONG, Opcode.CONT])
def test_crumbs_are_counted_in_windows_of_time(
    opcode: Opcode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-3: as many as are allowed, a while later as many again, and one too many."""
    now = [0.0]
    monkeypatch.setattr(messages, "monotonic", lambda: now[0])
    crumb = Frame(opcode, b"a" * 9, fin=opcode is not Opcode.CONT).serialize(mask=True)
    large = Frame(Opcode.CONT, b"a" * CRUMB, fin=False).serialize(mask=True)

    async def scenario(wire: Wire) -> None:
        page = await open_page(wire)
        if opcode is Opcode.CONT:
            wire.send(Frame(Opcode.BINARY, b"", fin=False).serialize(mask=True))
            wire.send(large * 10)
        wire.send(crumb * MOST_CRUMBS)
        assert not wire.aborted
        now[0] = 2 * CRUMBS_IN
        wire.send(crumb * MOST_CRUMBS)
        assert not wire.aborted
        now[0] += CRUMBS_IN
        wire.send(crumb)
        assert wire.aborted and page.queue.empty()

    visit(scenario)


def test_messages_after_the_servers_close_frame_are_crumbs() -> None:
    """AV-3: uvicorn reads and drops them."""

    async def scenario(wire: Wire) -> None:
        page = await open_page(wire)
        page.close_sent = True
        wire.send(A_MESSAGE * MOST_CRUMBS)
        assert not wire.aborted
        wire.send(A_MESSAGE)
        assert wire.aborted

    visit(scenario)


def test_the_classes_are_made_of_those_that_they_are_given() -> None:
    """AV-3: uvicorn has others, and an owner may choose one."""
    assert issubclass(bounding_requests(H11Protocol), H11Protocol)
    assert issubclass(bounding_frames(WebSocketsSansIOProtocol), WebSocketsSansIOProtocol)
