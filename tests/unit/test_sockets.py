"""What the server writes leaves at once, also on the sockets that Streamlit makes."""

from collections.abc import Iterator
from contextlib import closing
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection, socket

import pytest

from web.sockets import send_at_once


@pytest.fixture
def listening() -> Iterator[socket]:
    """A socket made as `streamlit run` makes its own: it does not say that it is TCP's."""
    with socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening


def waits(connection: socket) -> bool:
    """Tell whether small messages wait for the other side's receipt."""
    return not connection.getsockopt(IPPROTO_TCP, TCP_NODELAY)


def test_who_comes_later_does_not_wait(listening: socket) -> None:
    """A connection has what the socket had that it came by."""
    send_at_once()

    with create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with closing(accepted):
            assert not waits(accepted)


def test_who_is_there_already_does_not_wait(listening: socket) -> None:
    """Under `streamlit run app.py` the first visitor comes before there is anything of ours."""
    with create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with closing(accepted):
            assert waits(accepted)

            send_at_once()

            assert not waits(accepted)


def test_a_socket_that_is_closed_is_no_fault(listening: socket) -> None:
    """Others open and close connections meanwhile."""
    gone = socket()
    gone.close()

    send_at_once()

    assert not waits(listening)
