"""Slow and silent clients, as real sockets before a real uvicorn: none of them stays for good."""

import gc
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from typing import Any

import h11
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit.proto.BackMsg_pb2 import BackMsg
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from tests.fixtures import make_settings
from tests.serving import HOST, free_port, wait_until
from web.bounds import BOUNDS, Bounds
from web.edge import Edge
from web.gate import POLICY, Gate
from web.messages import (
    CRUMBS_IN,
    LONGEST_TARGET,
    MOST_CRUMBS,
    MOST_HEADERS,
    MOST_WAITING,
    TOO_LONG,
)

CROWD = 200  # what held a server for good
SHORT = replace(
    BOUNDS, headers=0.5, body=0.5, answer=0.5, first_message=0.5, body_rate=100, look_every=0.1
)
HEAD = b"POST /read HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: none\r\n"
SOME = 6_000_000  # bytes
BEGUN, ENDED = "begun", "ended"
PAGES: Counter[str] = Counter()  # how many of the app's pages have begun, and have ended
BIG = 50_000_000  # bytes: no buffer between here and there takes it


async def read(request: Request) -> Response:
    """Answer with the length of the body."""
    return PlainTextResponse(str(len(await request.body())))


async def ignore(request: Request) -> Response:
    """Answer at once, whatever is still to come."""
    return PlainTextResponse("ignored")


async def big(request: Request) -> Response:
    """Answer with more than a client that does not read can be sent."""
    return PlainTextResponse(b"x" * BIG)


async def some(request: Request) -> Response:
    """Answer with just more than the buffers between here and there take."""
    return PlainTextResponse(b"x" * SOME)


async def stream(websocket: WebSocket) -> None:
    """Keep a page's connection open until it ends; answer a message with its length."""
    await websocket.accept()
    PAGES[BEGUN] += 1
    try:
        while True:
            if data := await websocket.receive_bytes():
                await websocket.send_text(str(len(data)))
    except WebSocketDisconnect:
        PAGES[ENDED] += 1


@contextmanager
def serving(bounds: Bounds) -> Iterator[uvicorn.Server]:
    """Run a gate with *bounds* before a small app on a loopback port, until the block ends."""
    app = Starlette(
        routes=[
            Route("/read", read, methods=["POST"]),
            Route("/ignore", ignore, methods=["POST"]),
            Route("/big", big),
            Route("/some", some),
            WebSocketRoute("/_stcore/stream", stream),
        ],
        middleware=[Middleware(Gate, edge=Edge(make_settings()), bounds=bounds)],
    )
    ws = "websockets-sansio"  # as Streamlit starts it
    config = uvicorn.Config(app, host=HOST, port=free_port(), ws=ws, log_level="critical")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, "uvicorn to listen")
        yield server
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


@pytest.fixture(scope="module")
def server() -> Iterator[uvicorn.Server]:
    """Run it with bounds of half a second."""
    with serving(SHORT) as server:
        yield server


def open_connection(server: uvicorn.Server, sent: bytes, source: str = HOST) -> socket.socket:
    """Connect from the loopback address *source*, and send what is *sent*."""
    address = (HOST, server.config.port)
    connection = socket.create_connection(address, timeout=20, source_address=(source, 0))
    connection.sendall(sent)
    return connection


def rest(connection: socket.socket) -> bytes:
    """Return what the server still sends until it closes the connection."""
    with closing(connection):
        got = b""
        try:
            while part := connection.recv(65_536):
                got += part
        except ConnectionResetError:
            pass
        return got


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"G",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        HEAD.replace(b"/read", b"/ignore") + b"Content-Length: 9\r\n\r\n1",
        HEAD + b"Content-Length: 1\r\n\r\n1GET / HTT",
    ],
    ids=["nothing", "a letter", "half a header", "an unread body", "half a second request"],
)
def test_a_connection_without_a_request_is_closed(server: uvicorn.Server, sent: bytes) -> None:
    """AV-3: two hundred at once, and a request that comes meanwhile is answered."""
    with ExitStack() as stack:
        crowd = [stack.enter_context(open_connection(server, sent)) for _ in range(CROWD)]
        wait_until(lambda: len(server.server_state.connections) >= CROWD, "all to be connected")

        honest = HEAD + b"Connection: close\r\nContent-Length: 1\r\n\r\n1"
        assert b"200 OK" in rest(open_connection(server, honest))
        for connection in crowd:
            rest(connection)

    wait_until(lambda: not server.server_state.connections, "all to be closed")


def test_a_body_that_does_not_come_is_refused(server: uvicorn.Server) -> None:
    """AV-3: with a sentence, and the connection is closed."""
    begun = HEAD + b"Content-Length: 9\r\n\r\n1"
    crowd = [open_connection(server, begun) for _ in range(CROWD)]

    answers = [rest(connection) for connection in crowd]

    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)
    assert b"took too long" in answers[0]
    wait_until(lambda: not server.server_state.connections, "all to be closed")
    wait_until(lambda: not server.server_state.tasks, "all to be answered")


def test_a_body_that_keeps_coming_may_take_its_time(server: uvicorn.Server) -> None:
    """AV-3: a slow line is no attack: each part that arrives buys time for the next."""
    connection = open_connection(server, HEAD + b"Content-Length: 600\r\n\r\n")
    pause = threading.Event()
    for _ in range(6):  # more than a second in all, where a body without progress has half of one
        connection.sendall(b"x" * 100)
        pause.wait(0.2)

    assert b"\r\n\r\n600" in connection.recv(65_536)
    connection.close()


BODY = HEAD + b"Content-Length: 500\r\n\r\n1"
UNREAD = b"GET /some HTTP/1.1\r\nHost: localhost\r\n\r\n"
FEW_DESCRIPTORS = 320  # a quarter of them may be connections, and a quarter of that one network's


def is_answered(server: uvicorn.Server, source: str) -> bool:
    """Return whether a visitor who comes from the loopback address *source* is answered."""
    honest = HEAD + b"Connection: close\r\nContent-Length: 1\r\n\r\n1"
    with suppress(ConnectionError):
        return b"200 OK" in rest(open_connection(server, honest, source))
    return False


@pytest.mark.parametrize("sent", [BODY, UNREAD], ids=["slow bodies", "unread answers"])
@pytest.mark.parametrize(("sources", "left"), [(1, 20), (40, 80)])
def test_slow_requests_are_bounded_in_number_as_well_as_in_time(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, sources: int, left: int
) -> None:
    """AV-3: each is within its time, and together they would be all the descriptors there are."""
    monkeypatch.setattr("web.gate.raise_descriptor_limit", lambda: FEW_DESCRIPTORS)
    with serving(replace(BOUNDS, look_every=0.1)) as server, ExitStack() as stack:
        connections = server.server_state.connections
        for number in range(CROWD // 2):
            source = f"127.0.2.{number % sources + 1}"
            stack.enter_context(open_connection(server, sent, source))

        wait_until(lambda: len(connections) <= left, "the excess to be closed")
        assert is_answered(server, "127.0.0.1")
        assert len(connections) >= left - 1  # no more than the excess


def test_an_answer_that_no_client_reads_is_given_up(server: uvicorn.Server) -> None:
    """AV-3: and its memory with it."""
    connection = open_connection(server, b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wait_until(lambda: server.server_state.connections, "the request to arrive")
    wait_until(lambda: not server.server_state.connections, "the answer to be given up")

    assert len(rest(connection)) < BIG


@pytest.mark.usefixtures("server")
def test_a_second_server_of_the_process_is_looked_after_too() -> None:
    """AV-3: each gate looks at all connections of its process."""
    with serving(SHORT) as second:
        assert is_answered(second, HOST)  # from the first request on
        with open_connection(second, b"GET / HTTP/1.1\r\n"):
            wait_until(lambda: second.server_state.connections, "the request to arrive")
            wait_until(lambda: not second.server_state.connections, "it to be given up")


def test_an_answer_that_is_read_slowly_arrives(server: uvicorn.Server) -> None:
    """AV-3: a large file on a slow line takes as long as it takes, as long as there is progress."""
    pause = threading.Event()
    with open_connection(server, b"GET /big HTTP/1.1\r\nHost: localhost\r\n\r\n") as connection:
        got = 0
        while got < BIG:
            part = connection.recv(2_000_000)
            assert part
            got += len(part)
            pause.wait(0.02)


HANDSHAKE = (
    b"GET /_stcore/stream HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n"
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
)


FRAME = b"\x82\x80\x00\x00\x00\x00"  # an empty message, binary, masked with zeros
CLOSE = b"\x88"  # the first byte of the frame that ends a websocket


def open_page(server: uvicorn.Server, source: str = HOST, tab: str = "") -> socket.socket:
    """Open a websocket, and return its connection when the server has let it in.

    It names *tab*, if given, as a page that comes back does.
    """
    named = f"Sec-WebSocket-Protocol: streamlit, x, {tab}\r\n\r\n".encode()
    page = open_connection(server, HANDSHAKE[:-2] + named if tab else HANDSHAKE, source)
    assert b" 101 " in page.recv(65_536)
    return page


def test_only_a_page_that_has_spoken_stays(server: uvicorn.Server) -> None:
    """AV-3: every page of Streamlit's sends a message at once, and then people read it.

    One whose connection was lost comes back, to a tab that may be gone, and sends nothing.
    """
    with (
        open_page(server) as page,
        open_page(server) as silent,
        open_page(server, tab="gone") as back,
    ):
        page.sendall(FRAME)

        assert silent.recv(1) == CLOSE
        for stays in (page, back):
            stays.settimeout(0.2)
            with pytest.raises(TimeoutError):
                stays.recv(1)


def frame(opcode: int, payload: bytes) -> bytes:
    """Return one whole message as a browser sends it, masked with zeros."""
    return struct.pack("!BBH4x", 0x80 | opcode, 0x80 | 126, len(payload)) + payload


MANY_FIELDS = b"\x5a\xa2\x9c\x01\x12\x9e\x9c\x01" + b"\x0a\0" * 9_999  # empty widgets of a rerun


MALFORMED = b"\x5a\x7f"  # a rerun that ends too early
SHUT_DOWN = BackMsg(debug_shutdown_runtime=True).SerializeToString()
DISCONNECT = BackMsg(debug_disconnect_websocket=True).SerializeToString()


@pytest.mark.parametrize(
    "sent",
    [
        *(frame(2, MANY_FIELDS), frame(1, b"text"), frame(2, MALFORMED)),
        *(frame(2, SHUT_DOWN), frame(2, DISCONNECT)),
    ],
)
def test_a_message_that_no_page_sends_closes_its_websocket(
    server: uvicorn.Server, sent: bytes
) -> None:
    """AV-2: one with many fields is not read at all; Streamlit logs each of the others."""
    with open_page(server) as page:
        page.sendall(sent)

        assert page.recv(1) == CLOSE


@pytest.mark.parametrize(
    "sent",
    [struct.pack("!BBH4x", 0x82, 0x80 | 126, 500) + b"x", b"\x02\x81\0\0\0\0x"],
    ids=["half a frame", "a frame that is not the last"],
)
def test_a_message_that_does_not_end_closes_its_websocket(
    server: uvicorn.Server, sent: bytes
) -> None:
    """AV-3: a page that has spoken may be silent, between two messages."""
    with open_page(server) as page, open_page(server) as silent:
        silent.sendall(FRAME)
        page.sendall(FRAME + sent)

        assert rest(page) == b""
        silent.settimeout(0.2)
        with pytest.raises(TimeoutError):
            silent.recv(1)


def test_messages_that_do_not_end_are_bounded_in_all() -> None:
    """AV-3: each within its size and its time, a hundred of them were 2.5 GB."""
    half = struct.pack("!BBQ4x", 0x82, 0x80 | 127, 2_000_000) + b"x" * 900_000
    with (
        serving(replace(BOUNDS, look_every=0.1, unfinished=1)) as server,
        open_page(server, "127.0.0.2") as honest,
        open_page(server, "127.0.0.3") as most,
        open_page(server, "127.0.0.4") as more,
    ):
        honest.sendall(FRAME + half[:100_000])
        most.sendall(FRAME + half)
        wait_until(lambda: arrived(server) > 990_000, "most to arrive")
        more.sendall(FRAME + half[:600_000])

        assert rest(most) == b""
        wait_until(lambda: 690_000 < arrived(server) < 710_000, "the others to stay")
        for page in (honest, more):
            page.settimeout(0.2)
            with pytest.raises(TimeoutError):
                page.recv(1)


def test_a_silent_page_keeps_none_of_what_it_sent(server: uvicorn.Server) -> None:
    """AV-3: websockets keeps the last frame, so that 300 pages of 20 MB each were 6 GB."""
    rerun = BackMsg()
    rerun.rerun_script.query_string = "x" * 60_000
    sent = rerun.SerializeToString()
    with open_page(server) as page:
        page.sendall(frame(2, sent))

        assert page.recv(1)
        assert not [
            thing for thing in gc.get_objects() if type(thing) is Frame and thing.data == sent
        ]


def test_a_connection_that_is_lost_keeps_none_of_what_has_arrived(server: uvicorn.Server) -> None:
    """AV-3: its objects refer to each other, and a quiet server collects no garbage."""
    gc.disable()
    try:
        with open_page(server) as page:
            page.sendall(frame(2, b"y" * 60_000)[:50_000])
            wait_until(lambda: arrived(server) > 40_000, "half a message to arrive")
        wait_until(lambda: not pages_of(server), "the connection to be lost")

        assert not [
            thing for thing in gc.get_objects() if type(thing) is StreamReader and thing.buffer
        ]
    finally:
        gc.enable()


def arrived(server: uvicorn.Server) -> int:
    """Return the bytes of unfinished messages on the server's websockets."""
    return sum(len(connection.conn.reader.buffer) for connection in pages_of(server))


def pages_of(server: uvicorn.Server) -> list[Any]:
    """Return the server's open websockets."""
    return [one for one in list(server.server_state.connections) if hasattr(one, "conn")]


def test_a_compressed_message_is_not_unpacked(server: uvicorn.Server) -> None:
    """AV-2: 25 MB of nothing are 25 KB on the way; `uvicorn server:app` would accept that."""
    offered = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"

    with open_connection(server, HANDSHAKE.removesuffix(b"\r\n") + offered) as page:
        answer = page.recv(65_536)

    assert b" 101 " in answer
    assert b"permessage-deflate" not in answer
    assert server.config.ws_max_size <= 25_000_000


def test_a_network_that_is_full_is_told_so() -> None:
    """AV-3: the handshake is refused before the app sees it; when a page closes there is room."""
    with serving(replace(BOUNDS, network_sockets=2)) as server, ExitStack() as stack:
        for _ in range(2):
            page = stack.enter_context(open_page(server))

        assert b" 503 " in rest(open_connection(server, HANDSHAKE))
        page.close()
        wait_until(lambda: is_let_in(server), "room for a page")


def is_let_in(server: uvicorn.Server) -> bool:
    """Return whether a page may be opened now; it is closed again."""
    with open_connection(server, HANDSHAKE) as page:
        return b" 101 " in page.recv(65_536)


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG, Opcode.CONT])
def test_a_page_that_sends_crumbs_and_no_message_is_closed(
    server: uvicorn.Server, opcode: Opcode
) -> None:
    """AV-3, AV-5: forty pages with 3 MB a second kept a health check waiting for eleven seconds."""
    crumb = Frame(opcode, b"", fin=opcode is not Opcode.CONT).serialize(mask=True)
    first = Frame(Opcode.BINARY, b"", fin=False).serialize(mask=True)
    with open_page(server) as page:
        page.sendall((first if opcode is Opcode.CONT else b"") + crumb * 90)
        page.sendall(Frame(Opcode.PING, b"still here").serialize(mask=True))
        assert b"still here" in until(page, b"still here")

        page.sendall(crumb * 20)

        until(page, b"the end: nothing has this")


def test_a_page_that_sends_hundreds_of_messages_at_once_is_closed(server: uvicorn.Server) -> None:
    """AV-3: a burst of 40,000 empty ones took the event loop for a second."""
    message = Frame(Opcode.BINARY, b"").serialize(mask=True)
    with open_page(server) as page:
        [held] = pages_of(server)

        page.sendall(message * (MOST_WAITING + 1))

        until(page, b"the end: nothing has this")
        assert held.queue.qsize() <= MOST_WAITING


@pytest.mark.parametrize(("sent", "longest"), [(MOST_WAITING + 1, 60), (100, 2)])
def test_messages_of_a_page_that_has_gone_do_not_wait_for_long(sent: int, longest: float) -> None:
    """AV-3: its session would stay until each of them had its turn, for hours.

    Neither if the server has ended the connection, nor if it cannot know that the client has.
    """
    message = Frame(Opcode.BINARY, b"").serialize(mask=True)  # the app does not answer it
    begun = PAGES[BEGUN]
    with serving(replace(BOUNDS, runs=1, runs_rate=1, longest_wait=longest)) as server:
        with open_page(server) as page:
            page.sendall(message * sent)
            wait_until(lambda: PAGES[BEGUN] > begun, "the app to have the page")

        wait_until(lambda: PAGES[ENDED] == PAGES[BEGUN], "the app to know that it has gone")


def test_what_follows_the_servers_close_frame_is_not_read_for_long(server: uvicorn.Server) -> None:
    """AV-3: uvicorn would read and drop it for ten seconds, as fast as it comes."""
    crumb = Frame(Opcode.BINARY, b"").serialize(mask=True)
    with open_page(server) as page:
        [held] = pages_of(server)
        held.close_timeout = 3_600
        page.sendall(Frame(Opcode.TEXT, b"no page sends text").serialize(mask=True))
        until(page, POLICY.to_bytes(2, "big"))

        page.sendall(crumb * (MOST_CRUMBS + 1))

        until(page, b"the end: nothing has this")


def test_a_page_that_is_only_read_may_stay_for_days(server: uvicorn.Server) -> None:
    """AV-3: it answers a ping every 20 seconds, and sends no message."""
    crumbs = Frame(Opcode.PONG, b"").serialize(mask=True) * 90
    with open_page(server) as page:
        [held] = pages_of(server)
        for answered in (b"once", b"twice", b"and again"):
            held.counted_since -= 2 * CRUMBS_IN
            page.sendall(crumbs + Frame(Opcode.PING, answered).serialize(mask=True))
            assert answered in until(page, answered)


def until(page: socket.socket, what: bytes) -> bytes:
    """Return what the server sends until *what* comes, or until it has closed the connection."""
    said = b""
    with suppress(ConnectionResetError):
        while what not in said and (more := page.recv(65_536)):
            said += more
    return said


def test_a_request_in_chunks_is_refused(server: uvicorn.Server) -> None:
    """AV-5: of a byte each, 2 MB a second kept a health check waiting for twelve seconds."""
    head = b"POST /auth/session HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"

    answer = rest(open_connection(server, head + b"1\r\na\r\n" * 100))

    assert b" 411 " in answer and b"connection: close" in answer.lower()


@pytest.mark.parametrize("before", [b"", b"GET /ignore HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_chunks_are_not_parsed(
    server: uvicorn.Server, before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AV-5: neither at once nor after the answer to a request that came first."""
    parsed = Counter[str]()
    next_event = h11.Connection.next_event

    def counted(connection: h11.Connection) -> object:
        parsed["events"] += 1
        return next_event(connection)

    monkeypatch.setattr(h11.Connection, "next_event", counted)
    head = b"POST /read HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"

    rest(open_connection(server, before + head + b"1\r\na\r\n" * 3_000))

    assert parsed["events"] < 100


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"a:\r\n" * 2 * MOST_HEADERS,
        b"GET /?" + b"%41" * LONGEST_TARGET + b" HTTP/1.1\r\nHost: localhost\r\n",
    ],
)
def test_a_head_that_nobody_sends_is_not_parsed(server: uvicorn.Server, head: bytes) -> None:
    """AV-5: each took 0.1 seconds in which the event loop served nobody else."""
    answer = rest(open_connection(server, head + b"\r\n"))

    assert b" 400 " in answer and TOO_LONG.encode() in answer


def test_each_request_of_a_connection_is_counted_anew(server: uvicorn.Server) -> None:
    """AV-5: neither a body nor the requests before count."""
    body = b"\n" * 10_000
    for_once = HEAD + b"Content-Length: 10000\r\n\r\n" + body
    with open_connection(server, for_once) as connection:
        for _ in range(20):
            assert b"10000" in until(connection, b"10000")
            connection.sendall(for_once)
