"""The patrol: closes connections that are slow, or too many, before they stop the server (AV-3)."""

import gc
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heapify, heappop, heapreplace
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from auth.client import UNKNOWN, Client
from auth.log import BoundedLog
from web.bounds import MEGABYTE, Bounds, connection_room

if TYPE_CHECKING:
    from uvicorn.server import ServerState


class Connection(Protocol):
    """The part of uvicorn's two HTTP protocols that Patrol reads."""

    transport: Any
    cycle: Any
    client: tuple[str, int] | None


class Phase(StrEnum):
    """The state of an HTTP connection: what it waits for."""

    REQUEST = "request"
    BODY = "body"  # the gate limits its time
    APP = "app"
    ANSWER = "answer"  # for its client to read it


@dataclass(frozen=True)
class SeenConnection:
    """A connection as Patrol last saw it."""

    connection: Connection
    phase: Phase
    cycle: object  # uvicorn's, one for each request
    unread: int  # bytes of the answer that the client has not read yet
    begun: float  # when this request, or the wait for one, was first seen
    since: float  # when there was last any progress

    @property
    def rank(self) -> tuple[bool, float]:
        """The order in which connections are closed; those that wait for the app come last."""
        return (self.phase is Phase.APP, self.begun)


@dataclass(frozen=True)
class UnfinishedMessage:
    """A websocket message that hasn't fully arrived: its bytes so far, and since when."""

    connection: Any
    size: int
    begun: float


def _network(connection: Connection, by_network: bool) -> str:
    """Return the peer's network, or one for all if the peers aren't the visitors."""
    peer = connection.client
    return Client(ip=peer[0] if peer and by_network else "").network


@dataclass
class Patrol:
    """Close connections that hold descriptors for too long, or too many of them (AV-3).

    uvicorn bounds only the silence after a response, and one byte ends that. Slow headers, a body
    that the app doesn't read, and a response that the client doesn't read would stay forever. Slow
    but steady bodies and responses could take any number of descriptors. Websocket messages are
    bounded elsewhere in size only; here also in time, and in their sum. A websocket whose client
    reads nothing would stay after its close, which waits for that client.
    """

    bounds: Bounds
    descriptors: int
    log: BoundedLog
    clock: Callable[[], float] = monotonic
    _seen: dict[Connection, SeenConnection] = field(default_factory=dict)
    _unfinished: dict[Any, UnfinishedMessage] = field(default_factory=dict)

    def look(self, connections: Iterable[Any], *, by_network: bool) -> None:
        """Close what has waited too long or exceeds a share; called every *look_every*.

        *by_network* is true if the peers are the visitors, with no proxy in between.
        """
        now = self.clock()
        connections = list(connections)
        self._look_at_messages(connections, now, by_network)
        seen = (_seen(connection, self._seen.get(connection), now) for connection in connections)
        self._seen = {each.connection: each for each in seen if each}
        limits = {Phase.REQUEST: self.bounds.headers, Phase.ANSWER: self.bounds.answer}
        stay = []
        for each in sorted(self._seen.values(), key=lambda each: each.rank):
            if now - each.since >= limits.get(each.phase, inf):
                self._end(each.connection, f"no {each.phase} for too long")
            elif hasattr(each.connection, "cycle"):
                stay.append(each)
        self._end_excess(stay, by_network)

    def _end_excess(self, stay: list[SeenConnection], by_network: bool) -> None:
        """Close the oldest connections above the share of descriptors, largest crowd first.

        A crowd is a network; it may have a quarter of the share.
        """
        most = connection_room(self.bounds, self.descriptors)
        crowds: defaultdict[str, deque[SeenConnection]] = defaultdict(deque)
        for each in stay:
            crowds[_network(each.connection, by_network)].append(each)
        for network, crowd in crowds.items():
            while network != UNKNOWN and len(crowd) > most // 4:
                self._end(crowd.popleft().connection, "too many connections from one network")
        largest = [(-len(crowd), crowd[0].rank, network) for network, crowd in crowds.items()]
        heapify(largest)
        for _ in range(sum(map(len, crowds.values())) - most):
            crowd = crowds[largest[0][2]]
            self._end(crowd.popleft().connection, "too many connections")
            if crowd:
                heapreplace(largest, (-len(crowd), crowd[0].rank, largest[0][2]))
            else:
                heappop(largest)

    def _look_at_messages(self, connections: list[Any], now: float, by_network: bool) -> None:
        """Close websockets whose message arrives too slowly, and some if too much is unfinished.

        Then the network with the most bytes loses its oldest message first.
        """
        seen = (
            _unfinished(connection, self._unfinished.get(connection), now)
            for connection in connections
        )
        self._unfinished = {message.connection: message for message in seen if message}
        crowds: defaultdict[str, deque[UnfinishedMessage]] = defaultdict(deque)
        sizes: Counter[str] = Counter()
        for message in sorted(self._unfinished.values(), key=lambda message: message.begun):
            patience = self.bounds.body + message.size / self.bounds.body_rate
            if now - message.begun >= patience and not message.connection.read_paused:
                self._end(message.connection, "a message came too slowly")
                continue
            network = _network(message.connection, by_network)
            crowds[network].append(message)
            sizes[network] += message.size
        while sizes.total() > self.bounds.unfinished * MEGABYTE:
            (network, _) = sizes.most_common(1)[0]
            message = crowds[network].popleft()
            sizes[network] -= message.size
            self._end(message.connection, "too many bytes of unfinished messages")

    def _end(self, connection: Any, why: str) -> None:
        connection.transport.abort()  # close() would wait for the client to read what is buffered
        self.log.warning(f"Closed a connection: {why}.")


def _unfinished(
    connection: Any, before: UnfinishedMessage | None, now: float
) -> UnfinishedMessage | None:
    """Return the unfinished message on *connection*, or None if there is none or no websocket.

    uvicorn keeps the complete frames; the library below it keeps the start of the next one.
    A message shorter than *before* is a new one.
    """
    if not hasattr(connection, "frames") or connection.transport is None:
        return None
    size = len(connection.conn.reader.buffer) + sum(map(len, connection.frames))
    if not size:
        return None
    is_same = before is not None and before.size <= size
    return UnfinishedMessage(connection, size, before.begun if before and is_same else now)


def _seen(connection: Any, before: SeenConnection | None, now: float) -> SeenConnection | None:
    """Return the state of *connection*; None for a websocket that has nothing to send."""
    if connection.transport is None:
        return None
    cycle = getattr(connection, "cycle", None)
    unread = connection.transport.get_write_buffer_size()
    if not unread and not hasattr(connection, "cycle"):
        return None
    if unread:  # also after the app has answered
        phase = Phase.ANSWER
    elif cycle is None or cycle.response_complete:
        phase = Phase.REQUEST
    else:
        phase = Phase.BODY if cycle.more_body else Phase.APP
    begun = since = now
    if before and before.cycle is cycle:
        begun = before.begun
        if (before.phase, before.unread) == (phase, unread):
            since = before.since
    return SeenConnection(connection, phase, cycle, unread, begun, since)


def running_servers() -> list["ServerState"]:
    """Return the state of every uvicorn server in this process, found on the heap.

    Call it before the heap is frozen: frozen objects are not found.
    """
    from uvicorn.server import ServerState  # not while uvicorn itself is being imported

    return [thing for thing in gc.get_objects() if type(thing) is ServerState]
