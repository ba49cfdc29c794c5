"""What is given back: connections when there are too many, and the memory of large messages."""

import subprocess
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from auth.log import BoundedLog
from settings import ROOT
from web.bounds import Bounds
from web.patrol import Patrol


@dataclass(eq=False)
class Connection:
    """A uvicorn connection from *ip*, in the phase given by its fields."""

    ip: str = "192.0.2.7"
    has_request: bool = True
    has_body: bool = True
    unread: int = 0
    closed: bool = False
    cycle: Any = field(init=False)

    def __post_init__(self) -> None:
        """Make the cycle of its request."""
        self.cycle = SimpleNamespace(
            response_complete=not self.has_request, more_body=not self.has_body
        )

    @property
    def client(self) -> tuple[str, int]:
        """The peer."""
        return (self.ip, 50_000)

    @property
    def transport(self) -> "Connection":
        """The transport: this object itself."""
        return self

    def get_write_buffer_size(self) -> int:
        """Return the bytes of the response that the client has not read."""
        return self.unread

    def abort(self) -> None:
        """Record that it was closed."""
        self.closed = True


@dataclass(eq=False)
class Page(Connection):
    """A websocket: it has no cycle."""

    def __post_init__(self) -> None:
        """Make none."""


class Server:
    """A patrol over connections that arrive one after the other."""

    def __init__(self, descriptors: int) -> None:
        self.now = 0.0
        self.connections: list[Connection] = []
        bounds = Bounds(connections_share=0.5, answer=60)
        self.patrol = Patrol(bounds, descriptors, BoundedLog("test"), clock=lambda: self.now)

    def look(self, *, by_network: bool = True) -> None:
        """Check a second later."""
        self.now += 1
        self.patrol.look(self.connections, by_network=by_network)
        self.connections = [one for one in self.connections if not one.closed]

    def come(self, *connections: Connection) -> None:
        """Add connections, a second apart."""
        for connection in connections:
            self.connections.append(connection)
            self.look()


def test_a_crowded_network_loses_its_oldest_connections_and_others_none() -> None:
    """AV-3: with a request in progress or without; what the app works on goes last."""
    server = Server(descriptors=32)  # 16 of them, 4 of a network
    works, body, idle, unread = (
        Connection(),
        Connection(has_body=False),
        Connection(has_request=False),
        Connection(unread=9),
    )
    other = Connection("192.0.2.8")

    server.come(other, works, body, idle, unread)
    assert not any(one.closed for one in (other, works, body, idle, unread))

    server.come(Connection(), Connection(unread=9))
    assert [one.closed for one in (other, works, body, idle, unread)] == [
        *(False, False, True, True, False)
    ]


def test_one_who_reads_an_answer_slowly_does_not_become_younger() -> None:
    """AV-3: otherwise the oldest, which are closed first, would always be another client's."""
    server = Server(descriptors=16)  # 8 of them, 2 of a network
    slow, quick = Connection(unread=100), Connection(unread=100)
    server.come(slow, quick)

    slow.unread = 99
    server.come(Connection())

    assert slow.closed and not quick.closed


def test_a_page_that_reads_nothing_is_closed_and_one_that_reads_stays() -> None:
    """AV-3: uvicorn closes it when it answers no ping, and that close waits for what is unread."""
    server = Server(descriptors=2)  # the share is for other connections
    idle, deaf, slow = Page(), Page(unread=90_000), Page(unread=90_000)
    server.come(idle, deaf, slow)

    for _ in range(60):
        slow.unread -= 1
        server.look()

    assert [each.closed for each in (idle, deaf, slow)] == [False, True, False]


def test_the_largest_crowd_makes_room_when_all_is_full() -> None:
    """AV-3: many networks with few connections each must not displace an earlier visitor."""
    server = Server(descriptors=16)  # 8 of them, 2 of a network
    alone = Connection("192.0.2.9")
    crowd = [Connection(f"192.0.2.{number // 2}") for number in range(8)]

    server.come(alone, *crowd)

    assert [one.closed for one in (alone, *crowd)] == [False, True] + [False] * 7


def test_behind_a_proxy_all_are_one_crowd() -> None:
    """AV-3: only the proxy can tell visitors apart; here the oldest of all are closed."""
    server = Server(descriptors=8)  # 4 of them
    connections = [Connection(f"192.0.2.{number}") for number in range(6)]
    server.connections = list(connections)
    server.look(by_network=False)

    assert sum(one.closed for one in connections) == 2


FREED = """
from pathlib import Path
from resource import getpagesize
from web.bounds import MEGABYTE, return_freed_blocks

def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize() // MEGABYTE

{call}
bytes(20 * MEGABYTE)  # and from now on glibc takes such a block from its heap
before, block = resident(), b"a" * 19 * MEGABYTE
del block
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="this is about glibc")
@pytest.mark.parametrize(("call", "kept"), [("return_freed_blocks()", 0), ("", 19)])
def test_memory_of_large_messages_goes_back_to_the_system(call: str, kept: int) -> None:
    """AV-3: after a flood of 20 MB messages a server kept up to 80 MB of it, for good."""
    script = FREED.format(call=call)

    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True)

    assert int(ran.stdout) == pytest.approx(kept, abs=3)
