"""The server's writes leave at once, also on sockets that Streamlit creates; and tests' ports."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection, socket

import pytest

from tests.serving import free_port
from web.streamlit_hooks import send_at_once


@pytest.fixture
def listening() -> Iterator[socket]:
    """A socket created as by `streamlit run`: without the TCP protocol number."""
    with socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening


def waits(connection: socket) -> bool:
    """Return whether small messages wait for the peer's acknowledgement."""
    return not connection.getsockopt(IPPROTO_TCP, TCP_NODELAY)


def test_who_comes_later_does_not_wait(listening: socket) -> None:
    """A connection inherits its listening socket's option."""
    send_at_once()

    with create_connection(listening.getsockname()):
        accepted, _ = listening.accept()
        with closing(accepted):
            assert not waits(accepted)


def test_who_is_there_already_does_not_wait(listening: socket) -> None:
    """Under `streamlit run app.py` the first visitor arrives before our code has run."""
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


def test_no_connection_leaves_from_a_port_that_a_server_under_test_is_to_get() -> None:
    """Another test's browser once took it while the server was starting."""
    system = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(system.read_text().split()[0]) if system.exists() else 49_152  # as macOS has it

    ports = {free_port() for _ in range(50)}

    assert len(ports) == 50
    assert max(ports) < lowest
