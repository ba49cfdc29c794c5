"""Bounds on what pages and requests send, before it is parsed or kept (AV-2, AV-3, AV-5)."""

import gc
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any

from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.runtime.runtime_util import get_max_widget_state_size_bytes
from websockets.frames import Frame, Opcode

# Bounds on what a signed-out visitor sends. A form's longest value has 1,024 characters, and its
# own check refuses a longer one with a message, so a shortened text is still refused.
LONGEST_TEXT = 8 * 1024  # characters of one widget, or of the page's query
LARGEST_WIDGET = 64 * 1024  # bytes of any other widget's value, such as a component's
LARGEST_MESSAGE = 128 * 1024  # bytes in all
MOST_WIDGETS = 200
LONGEST_ID = 1024  # characters of a widget's id
MOST_HASHES = 200  # of messages that the page says it has cached

LONGEST_HEAD = 64 * 1024  # bytes of a request's headers: many sites' cookies, on one host
LONGEST_TARGET = 8 * 1024  # bytes of its method and address
MOST_HEADERS = 128  # as many as the websockets library takes
TOO_LONG = "This request has too many headers, or too long an address."
SLICE = 256  # bytes that are parsed at once while they may hold many small parts
LARGEST_SLICE = 256 * 1024  # and while a large message arrives: as many as asyncio reads at once
MOST_WAITING = 200  # frames of a page that have arrived and wait
CRUMB = 1024  # bytes: a control frame has 125 at most
MOST_CRUMBS, CRUMBS_IN = 100, 10  # frames in vain; in so many seconds
MESSAGES = (Opcode.BINARY, Opcode.TEXT)

SMALL = 4 * 1024  # bytes: a message this short has few fields
VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5  # protobuf's wire types; groups are obsolete


def has_few_parts(data: bytes, most: int) -> bool:
    """Return whether the message *data* of a page has at most *most* fields, at every depth.

    A message with seven million empty fields takes Streamlit a gigabyte and six seconds, in which
    no visitor is served. This scans the bytes first, and stops at the limit (AV-2).
    """
    if len(data) <= SMALL:
        return True
    left = most
    # Each nested message: where it begins and ends, and what type it has.
    open_messages = [(0, len(data), BackMsg.DESCRIPTOR)]
    try:
        while open_messages:
            at, end, descriptor = open_messages.pop()
            while at < end:
                left -= 1
                tag, at = _varint(data, at)
                wire = tag & 7
                if wire == VARINT:
                    _, at = _varint(data, at)
                elif wire in {FIXED64, FIXED32}:
                    at += 8 if wire == FIXED64 else 4
                elif wire == DELIMITED:
                    size, at = _varint(data, at)
                    field = descriptor.fields_by_number.get(tag >> 3)
                    if field is not None and field.message_type is not None:
                        open_messages.append((at, at + size, field.message_type))
                    elif field is not None and field.cpp_type != field.CPPTYPE_STRING:
                        left -= size  # numbers: each takes at least one byte
                    at += size
                else:
                    return False
                if left < 0:
                    return False
    except IndexError:  # it ends too early
        return False
    return True


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at *at* and the position after it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise IndexError


def shorten(rerun: ClientState) -> None:
    """Shorten a rerun's values to what a form on a signed-out page can use.

    A long query is dropped entirely, as Streamlit does above 512 KB: half of it would mean
    something else. So is any other long text: a tab keeps the latest, and Python's `urlsplit`
    remembers the last 128 URLs.
    """
    for part in (rerun, rerun.context_info):
        for field, value in part.ListFields():
            if isinstance(value, str) and len(value) > LONGEST_TEXT:
                part.ClearField(field.name)
    del rerun.cached_message_hashes[MOST_HASHES:]
    states = rerun.widget_states.widgets
    kept = [state for state in states[:MOST_WIDGETS] if len(state.id) <= LONGEST_ID]
    del states[:]
    states.extend(kept)
    for state in states:
        if state.WhichOneof("value") == "string_value":
            state.string_value = state.string_value[:LONGEST_TEXT]
        elif state.ByteSize() > LARGEST_WIDGET:
            state.ClearField("value")


def drop_last_frame(receive: Callable[..., object]) -> None:
    """Empty the frame of the message that *receive*, a websocket's, has just returned.

    The library below uvicorn keeps it until the next one comes, so each silent page would hold its
    last message, which may have 20 MB. Its parser is a generator, and the frame a variable there.
    """
    parser = getattr(getattr(getattr(receive, "__self__", None), "conn", None), "parser", None)
    inner = getattr(getattr(parser, "gi_yieldfrom", None), "gi_frame", None)
    if frame := inner and inner.f_locals.get("frame"):
        frame.data = b""


def is_lost(receive: Callable[..., object]) -> bool:
    """Return whether the client of *receive* has gone; what it sent before may still be read."""
    return bool(getattr(getattr(receive, "__self__", None), "disconnected", False))


def drop_rest(receive: Callable[..., object]) -> None:
    """Empty what has arrived of the next message, if the connection of *receive* is lost.

    Its objects refer to each other, so the rest would stay until the garbage collector runs, which
    on a quiet server takes long.
    """
    if is_lost(receive):
        drop_last_frame(receive)
        receive.__self__.conn.reader.discard()  # type: ignore[attr-defined]


def bound_messages() -> None:
    """Bound websocket messages in every uvicorn server of this process as `streamlit run` does.

    By default uvicorn unpacks compressed messages, up to a thousand times their size. And Streamlit
    accepts 200 MB before it closes a connection over `server.maxWidgetStateSize`.
    """
    from uvicorn import Config

    largest = get_max_widget_state_size_bytes()
    for thing in gc.get_objects():
        if type(thing) is Config:
            thing.ws_per_message_deflate = config.get_option("server.enableWebsocketCompression")
            thing.ws_max_size = min(thing.ws_max_size, largest)
            thing.h11_max_incomplete_event_size = LONGEST_HEAD
            page = thing.ws_protocol_class if thing.loaded else None
            if page and not hasattr(page, "crumbs"):
                thing.http_protocol_class = bounding_requests(thing.http_protocol_class)
                thing.ws_protocol_class = bounding_frames(page)


def bounding_requests(protocol: Any) -> Any:
    """Return uvicorn's class *protocol*, changed to parse only what browsers and proxies send.

    Many headers and long addresses take 0.1 seconds, and 16 KB of a body in chunks of a byte 0.2;
    the gate refuses such a body. Nobody sends a request before the last one's answer has begun. A
    client that has all of an answer may be faster than the app, which has yet to end it: its next
    request waits.
    """

    class BoundingRequests(protocol):  # type: ignore[misc]
        head = lines = 0  # bytes and lines of the head that is arriving
        last: object = None  # the request that arrived before it
        body = 0  # bytes of that request's body that have still to come, also after its answer
        is_in_chunks = False  # that body comes in chunks
        waiting = b""  # the start of the next request

        def data_received(self, data: bytes) -> None:
            data, self.waiting, at = self.waiting + data, b"", 0
            while at < len(data) and self.is_reading():
                is_free = self.cycle is None or self.cycle.response_complete
                if self.body:
                    part, at = data[at : at + self.body], at + self.body
                    self.body -= len(part)
                    super().data_received(part)
                elif self.is_in_chunks:
                    (self.transport.close if is_free else self.transport.pause_reading)()
                    return
                elif is_free:
                    part, at = data[at : at + SLICE], at + SLICE
                    super().data_received(part)
                    if self.is_reading() and self.is_too_long(part):
                        self.send_400_response(TOO_LONG)
                elif self.cycle.response_started and len(data) - at <= LARGEST_SLICE:
                    self.flow.pause_reading()
                    self.waiting = data[at:]
                    return
                else:
                    self.transport.abort()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self.data_received(b"")

        def is_reading(self) -> bool:
            """Return whether the connection is open and no websocket's protocol has taken over."""
            return not self.transport.is_closing() and self.transport.get_protocol() is self

        def is_too_long(self, part: bytes) -> bool:
            """Return whether the head that ends in *part* so far is more than anybody sends."""
            if self.cycle is not self.last:  # it is complete
                self.head, self.lines, self.last = 0, 0, self.cycle
                headers = dict(self.headers)
                chunks = b"transfer-encoding" in headers  # then h11 ignores a length
                self.is_in_chunks = chunks and self.cycle.more_body
                length = 0 if chunks else int(headers.get(b"content-length", 0))
                self.body = max(0, length - len(self.cycle.body))
                return False
            self.head += len(part)
            self.lines += part.count(b"\n")
            return self.lines > MOST_HEADERS or (not self.lines and self.head > LONGEST_TARGET)

    return BoundingRequests


def bounding_frames(protocol: Any) -> Any:
    """Return the class *protocol*, changed to end connections with many frames at once or in vain.

    A browser sends no frame without a message except its answer to the server's ping, every 20
    seconds. Continuations count if they are small: a browser divides a large message into large
    ones. Whatever follows the server's close frame counts too: uvicorn reads and drops it for ten
    seconds. And it does not answer a handshake that the library below it refuses to read, such as
    one with a body, nor close the connection. What comes before the answer to a handshake can make
    it raise an error.
    """

    class BoundingFrames(protocol):  # type: ignore[misc]
        crumbs = 0
        counted_since = -inf
        part = SLICE

        def data_received(self, data: bytes) -> None:
            at = 0
            if getattr(self, "handshake_initiated", False) and not self.handshake_complete:
                self.transport.abort()
            while at < len(data) and not self.transport.is_closing():
                part, at = data[at : at + self.part], at + self.part
                super().data_received(part)
                if getattr(getattr(self, "conn", None), "handshake_exc", None):
                    self.transport.write(b"".join(self.conn.data_to_send()))
                    self.transport.close()

        def handle_events(self) -> None:
            now = monotonic()
            if now - self.counted_since > CRUMBS_IN:
                self.crumbs, self.counted_since = 0, now
            frames = [event for event in self.conn.events if isinstance(event, Frame)]
            self.part = SLICE if frames else min(2 * self.part, LARGEST_SLICE)
            for frame in frames:
                is_in_vain = self.close_sent or frame.opcode not in MESSAGES
                self.crumbs += is_in_vain and len(frame.data) < CRUMB
            if self.crumbs > MOST_CRUMBS or self.queue.qsize() + len(frames) > MOST_WAITING:
                self.transport.abort()
                return
            super().handle_events()

        def keepalive_timeout(self) -> None:
            if self.read_paused:  # its messages wait for their turn, and the answer behind them
                self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
            else:
                super().keepalive_timeout()

    return BoundingFrames
