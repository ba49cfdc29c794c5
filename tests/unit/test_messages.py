"""What a signed-out visitor's page may send: how many fields, and how long."""

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Common_pb2 import SInt64Array
from streamlit.proto.WidgetStates_pb2 import WidgetState

from web.bounds import BOUNDS
from web.messages import LONGEST_TEXT, MOST_WIDGETS, has_few_parts, shorten


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
