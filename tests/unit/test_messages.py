"""What a signed-out visitor's page may send: how many fields, and how long."""

import asyncio
import tracemalloc

import pytest
from streamlit import config
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Common_pb2 import SInt64Array
from streamlit.proto.WidgetStates_pb2 import WidgetState
from uvicorn import Config
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from web.bounds import BOUNDS, MEGABYTE
from web.messages import (
    LARGEST_WIDGET,
    LONGEST_ID,
    LONGEST_TEXT,
    MOST_HASHES,
    MOST_WIDGETS,
    SMALL,
    bound_messages,
    drop_last_frame,
    drop_rest,
    has_few_parts,
    shorten,
)


def rerun_with(*states: WidgetState, query: str = "") -> bytes:
    """Return the message of a page with these widgets and this *query*."""
    message = BackMsg()
    message.rerun_script.query_string = query
    message.rerun_script.widget_states.widgets.extend(states)
    data: bytes = message.SerializeToString()
    return data


def test_what_a_signed_out_form_carries_is_cut_so_that_its_own_check_refuses_it() -> None:
    """AV-2: 20 MB in a field reach the form as a text that is too long, in bounded memory."""
    rerun = ClientState()
    rerun.widget_states.widgets.append(WidgetState(id="name", string_value="é" * 10_000_000))
    rerun.widget_states.widgets.append(WidgetState(id="component", bytes_value=b"x" * 1_000_000))
    rerun.widget_states.widgets.append(WidgetState(id="button", trigger_value=True))
    rerun.widget_states.widgets.extend(WidgetState(id=f"w{n}") for n in range(10 * MOST_WIDGETS))

    shorten(rerun)

    name, component, button = rerun.widget_states.widgets[:3]
    assert name.string_value == "é" * LONGEST_TEXT
    assert component.WhichOneof("value") is None
    assert button.trigger_value
    assert len(rerun.widget_states.widgets) == MOST_WIDGETS


def test_a_message_of_many_fields_is_refused_before_it_is_read() -> None:
    """AV-2: seven million empty widgets in 14 MB would stop the server for six seconds."""
    bomb = rerun_with(*[WidgetState()] * 7_000)
    numbers = rerun_with(WidgetState(int_array_value=SInt64Array(data=[1] * 7_000)))
    names = BackMsg()
    names.rerun_script.cached_message_hashes.extend([""] * 7_000)

    assert not has_few_parts(bomb, BOUNDS.parts)
    assert not has_few_parts(numbers, BOUNDS.parts)
    assert not has_few_parts(names.SerializeToString(), BOUNDS.parts)
    assert has_few_parts(bomb, BOUNDS.user_parts)  # a page may have a large table


def test_a_long_text_is_one_field() -> None:
    """AV-2: the form answers it, whatever its bytes would mean as fields."""
    long = rerun_with(WidgetState(id="name", string_value="\n\0" * 5_000_000))

    assert has_few_parts(long, BOUNDS.parts)


@pytest.mark.parametrize("end", [b"\x08", b"\xff" * 10, b"\x0b", b"\x5a\xff\xff\x03"])
def test_a_message_that_is_none_is_refused(end: bytes) -> None:
    """AV-2: one that ends too early, or has a number that does not end."""
    assert not has_few_parts(rerun_with(WidgetState(id="a" * 5_000)) + end, BOUNDS.parts)


def test_the_bound_on_fields_holds_to_the_last_one() -> None:
    """AV-2: each field counts once, at every depth."""
    widget = rerun_with(WidgetState(id="a" * SMALL))  # a rerun, its states, a widget, its id

    assert has_few_parts(widget, 4)
    assert not has_few_parts(widget, 3)


@pytest.mark.parametrize(("size", "read"), [(SMALL, False), (SMALL + 1, True)])
def test_a_small_message_is_not_read_for_its_fields(size: int, read: bool) -> None:
    """AV-2: it cannot have many."""
    around = len(rerun_with(WidgetState(id="a" * SMALL))) - SMALL
    data = rerun_with(WidgetState(id="a" * (size - around)))
    assert len(data) == size

    assert has_few_parts(data, 0) is not read


def test_fields_of_every_kind_are_passed_over_by_their_length() -> None:
    """AV-2: those that a page doesn't send, too: a wrong length would hide what follows."""
    long = rerun_with(WidgetState(id="a" * SMALL))
    fixed32, fixed64 = b"\xa5\x06" + b"\x0b" * 4, b"\xa1\x06" + b"\x0b" * 8
    negative, last = b"\x98\x06" + b"\xff" * 9 + b"\x01", b"\x90\x06\x01"

    assert has_few_parts(long + fixed32 + fixed64 + negative + last, 8)
    assert not has_few_parts(long + fixed32 + fixed64 + negative + last, 7)


def test_a_components_value_is_kept_up_to_its_bound() -> None:
    """AV-2: such as a passkey's answer."""
    rerun = ClientState()
    for more in (0, 1):
        state = WidgetState(id="component", bytes_value=b"")
        state.bytes_value = b"x" * (LARGEST_WIDGET - state.ByteSize() - 2 + more)
        rerun.widget_states.widgets.append(state)
    assert [each.ByteSize() - LARGEST_WIDGET for each in rerun.widget_states.widgets] == [0, 1]

    shorten(rerun)

    kept = [each.WhichOneof("value") for each in rerun.widget_states.widgets]
    assert kept == ["bytes_value", None]


class Connection:
    """A websocket as uvicorn holds it, over the real protocol of the library below."""

    def __init__(self, *, disconnected: bool = False) -> None:
        self.conn = ServerProtocol(state=OPEN, max_size=None)
        self.disconnected = disconnected
        self.queue: asyncio.Queue[None] = asyncio.Queue()

    async def receive(self) -> None:
        """Stand for the method that the app gets."""

    def hear(self, data: bytes) -> None:
        """Take *data* from the network, and pass on the messages that are complete."""
        self.conn.receive_data(data)
        self.conn.events_received()


def sent(size: int) -> bytes:
    """Return a message of *size* bytes as a browser sends it."""
    return Frame(Opcode.BINARY, b"x" * size).serialize(mask=True)


def kept_of(connection: Connection, size: int) -> int:
    """Return how many bytes *connection* keeps of a message of *size* bytes, once it was passed on.

    What is dropped must not become part of the next message.
    """
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    connection.hear(sent(size))
    drop_last_frame(connection.receive)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    connection.conn.receive_data(sent(3))
    assert connection.conn.events_received() == [Frame(Opcode.BINARY, b"xxx")]
    return after - before


def test_a_page_that_falls_silent_keeps_nothing_of_its_last_message() -> None:
    """AV-3: 300 of them with 20 MB each would fill the memory."""
    assert kept_of(Connection(), 2 * MEGABYTE) < MEGABYTE


def test_a_lost_connection_keeps_nothing_of_the_message_that_was_arriving() -> None:
    """AV-3: its objects refer to each other until the garbage collector comes."""
    lost, quiet = Connection(disconnected=True), Connection()
    for connection in (lost, quiet):
        connection.hear(sent(100) + sent(2 * MEGABYTE)[:MEGABYTE])

        drop_rest(connection.receive)

    assert len(lost.conn.reader.buffer) == 0
    assert len(quiet.conn.reader.buffer) > 0


def test_what_a_page_says_of_itself_is_short() -> None:
    """AV-3: a tab keeps it, and Python keeps 128 URLs that it has read."""
    long, short = "x" * (LONGEST_TEXT + 1), "x" * LONGEST_TEXT
    rerun = ClientState(query_string=long, page_name=short)
    rerun.context_info.url, rerun.context_info.locale = long, short
    rerun.cached_message_hashes.extend("h" for _ in range(MOST_HASHES + 1))
    for size in (LONGEST_ID, LONGEST_ID + 1):
        rerun.widget_states.widgets.add(id="i" * size, string_value="a")

    shorten(rerun)

    assert (rerun.query_string, rerun.page_name) == ("", short)
    assert (rerun.context_info.url, rerun.context_info.locale) == ("", short)
    assert len(rerun.cached_message_hashes) == MOST_HASHES
    [widget] = rerun.widget_states.widgets
    assert (len(widget.id), widget.string_value) == (LONGEST_ID, "a")


def test_a_lost_connection_keeps_nothing_of_its_last_message() -> None:
    """AV-3: of one that has been passed on, too."""
    lost = Connection(disconnected=True)
    tracemalloc.start()
    lost.hear(sent(2 * MEGABYTE))
    before, _ = tracemalloc.get_traced_memory()
    drop_rest(lost.receive)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert before - after > MEGABYTE


def test_what_is_no_connection_of_uvicorn_is_left_alone() -> None:
    """Another server's messages end with its own objects."""
    drop_last_frame(lambda: None)
    drop_rest(lambda: None)


@pytest.mark.parametrize("compressed", [False, True])
def test_every_server_of_the_process_has_streamlits_bounds(compressed: bool) -> None:
    """AV-2, AV-3: uvicorn alone would unpack a small message to a thousand times its size."""
    small, large = (Config("app", ws_max_size=size) for size in (1_000, 10**9))
    before = config.get_option("server.enableWebsocketCompression")
    try:
        config.set_option("server.enableWebsocketCompression", compressed)
        bound_messages()
    finally:
        config.set_option("server.enableWebsocketCompression", before)

    assert (small.ws_max_size, large.ws_max_size) == (1_000, 25_000_000)
    assert small.ws_per_message_deflate is large.ws_per_message_deflate is compressed
