"""The websocket that every page lives on: whose pages may open it."""

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.serving import Server


def shake_hands(server: Server, origin: str | None) -> None:
    """Open the stream as a page of *origin* does, and close it."""
    address = server.address("/_stcore/stream").replace("http", "ws", 1)
    subprotocols = [Subprotocol("streamlit")]
    with connect(address, origin=Origin(origin) if origin else None, subprotocols=subprotocols):
        pass


def test_a_page_of_ours_may_open_the_stream(server: Server) -> None:
    """CK-11: with the app's own address as its Origin."""
    shake_hands(server, server.url)


def test_a_program_that_tells_no_origin_may_open_the_stream(server: Server) -> None:
    """CK-11: Origin protects people at browsers, and every browser sends one."""
    shake_hands(server, None)


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://127.0.0.1.evil.example", "http://localhost.evil:8501"],
)
def test_another_sites_page_may_not_open_the_stream(server: Server, origin: str) -> None:
    """CK-11: it would carry the visitor's cookie along, and drive the app in their name."""
    with pytest.raises(InvalidStatus) as refused:
        shake_hands(server, origin)

    assert refused.value.response.status_code == 403
