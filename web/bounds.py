"""What one visitor may hold open on this server: websockets, connections, bodies, uploads.

All of it lives in the memory of this process. The numbers stand here once; SECURITY.md repeats
them and a test compares.
"""

import gc
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heapify, heappop, heapreplace
from math import inf
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from streamlit import config, runtime
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime.runtime_util import get_max_widget_state_size_bytes

from auth.client import UNKNOWN, Client
from auth.log import BoundedLog

if TYPE_CHECKING:
    from uvicorn.server import ServerState

SITE = 3  # times a network's number for all of an IPv6 /48, as for log-ins
DESCRIPTORS_A_SOCKET = 4  # measured: what one Streamlit session holds open
SPARE_DESCRIPTORS = 200  # for the database, mail and the app's own files
MOST_DESCRIPTORS = 65_536  # more than this process can use: all websockets need a quarter
MEGABYTE = 1024 * 1024
MOST_PLACES = 10_000  # networks and sites whose turns are remembered: about a megabyte


@dataclass(frozen=True)
class Bounds:
    """The numbers; times are in seconds, and tests pass shorter ones."""

    # Websockets: one is one open tab.
    network_sockets: int = 300  # of signed-out visitors of one network
    user_sockets: int = 40  # of one signed-in user
    all_sockets: int = 4_096  # of everybody, where the descriptor limit allows so many
    signed_out_share: float = 0.75  # of all sockets: the rest is kept for signed-in users
    first_message: float = 30  # until a new page has sent its first message
    parts: int = 2_000  # fields in one message of a signed-out visitor's page, at every depth
    user_parts: int = 50_000  # the same for a signed-in user
    unfinished: int = 100  # megabytes in all: of messages that are arriving or wait for their turn
    runs: int = 200  # that signed-out pages of one network may ask for at once
    runs_rate: float = 10  # a second after that; a run takes a few milliseconds of one core
    # Requests.
    headers: float = 15  # until a request's headers are there, and of silence between requests
    body: float = 20  # until a body or a message is there, and a second more for each *body_rate*
    body_rate: int = 16 * 1024  # bytes a second
    answer: float = 60  # that a client reads nothing of an answer
    look_every: float = 1  # how often connections and tabs are looked at
    connections_share: float = 0.25  # of all descriptors, for connections that are no websocket
    # Uploads, by signed-in users alone; one file is bounded by server.maxUploadSize.
    user_files: int = 50
    user_upload: int = 2  # times server.maxUploadSize
    all_uploads: int = 10  # times server.maxUploadSize
    uploads_kept: float = 30  # after the tab that they belong to has closed


BOUNDS = Bounds()


def raise_descriptor_limit() -> int:
    """Raise this process's soft limit of open files to what the system allows; return the limit."""
    if sys.platform == "win32":
        return MOST_DESCRIPTORS  # there is no such limit for sockets
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # macOS allows less than it says
            return soft
        return wanted
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def connection_room(bounds: Bounds, descriptors: int) -> int:
    """Return how many connections that are no websocket there may be, with a request or without."""
    return int(descriptors * bounds.connections_share)


@dataclass(eq=False)
class Socket:
    """One open websocket; *user* is the id of who is signed in there, None for nobody."""

    client: Client
    user: str | None
    end: Callable[[], None]  # closes it to make room for another
    heard: float  # when it sent its last message

    @property
    def crowd(self) -> str:
        """Whose websockets make room for others where they are the most."""
        return _crowd(self.client, self.user)


def _crowd(client: Client, user: str | None) -> str:
    return f"user {user}" if user else client.source


def nothing() -> None:
    """Do nothing."""


class Sockets:
    """The open websockets, counted before Streamlit makes a session for one (AV-3).

    Any thread may call it: the event loop opens and closes them, scripts sign their users in.

    When all room is taken, a new one gets the place of the longest silent one of the largest
    crowd, or of its own where that is as large. A crowd is a network or a user. No crowd loses its
    only one to another, and signed-out visitors take no place from a user.
    """

    def __init__(
        self, bounds: Bounds, descriptors: int, clock: Callable[[], float] = monotonic
    ) -> None:
        self._clock = clock
        left = descriptors - SPARE_DESCRIPTORS - connection_room(bounds, descriptors)
        room = max(4, left // DESCRIPTORS_A_SOCKET)
        self.most = min(bounds.all_sockets, room)
        self.most_signed_out = int(self.most * bounds.signed_out_share)
        # Where there are few descriptors one network still leaves most of them to others.
        self.most_of_a_network = min(bounds.network_sockets, max(1, self.most // 4))
        self.most_of_a_user = bounds.user_sockets
        self._lock = Lock()
        self._open: dict[int, Socket] = {}
        self._places: Counter[str] = Counter()  # networks, sites and users
        self._signed_out = 0
        self._last = 0

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def open(
        self, client: Client, user: str | None, end: Callable[[], None] = nothing
    ) -> int | None:
        """Return the number of a new websocket, or None where its place has enough of them.

        *end* is called once should it have to make room for another.
        """
        with self._lock:
            if not self._has_room(client, user):
                return None
            if self._is_full(user):
                number = self._longest_silent(_crowd(client, user), user)
                if number is None:
                    return None
                self._forget(number).end()
            self._last += 1
            self._open[self._last] = Socket(client, user, end, self._clock())
            self._count(client, user, 1)
            return self._last

    def has_room(self, client: Client) -> bool:
        """Return whether a signed-out visitor's page would be let in now."""
        with self._lock:
            return self._has_room(client, None) and (
                not self._is_full(None) or self._longest_silent(client.source, None) is not None
            )

    def heard(self, number: int) -> None:
        """Note that the websocket *number* has sent a message; unknown ones are fine."""
        if socket := self._open.get(number):
            socket.heard = self._clock()

    def has_user(self, number: int) -> bool:
        """Return whether the websocket *number* counts for a user."""
        socket = self._open.get(number)
        return socket is not None and socket.user is not None

    def close(self, number: int) -> None:
        """Forget the websocket *number*; unknown ones are fine."""
        with self._lock:
            if number in self._open:
                self._forget(number)

    def sign_in(self, number: int, user: str) -> None:
        """Count the websocket *number* for *user* from now on, and no longer for its network.

        Where the user has enough of them it stays with the network.
        """
        with self._lock:
            socket = self._open.get(number)
            if socket and socket.user != user and self._has_room(socket.client, user):
                self._count(socket.client, socket.user, -1)
                socket.user = user
                self._count(socket.client, user, 1)

    def _has_room(self, client: Client, user: str | None) -> bool:
        if user:
            return self._places[f"user {user}"] < self.most_of_a_user
        return self._places[client.network] < self.most_of_a_network and (
            not client.site or self._places[client.site] < SITE * self.most_of_a_network
        )

    def _is_full(self, user: str | None) -> bool:
        return len(self._open) >= self.most or (
            not user and self._signed_out >= self.most_signed_out
        )

    def _longest_silent(self, own: str, user: str | None) -> int | None:
        """Return the websocket that makes room for one of the crowd *own*, or None for none."""
        crowds = Counter(socket.crowd for socket in self._open.values() if user or not socket.user)
        crowd = max(crowds, key=crowds.__getitem__, default=own)
        if crowds[crowd] <= crowds[own] + 1:
            if not crowds[own]:
                return None  # each has one
            crowd = own
        return min(
            (number for number, socket in self._open.items() if socket.crowd == crowd),
            key=lambda number: self._open[number].heard,
        )

    def _forget(self, number: int) -> Socket:
        socket = self._open.pop(number)
        self._count(socket.client, socket.user, -1)
        return socket

    def _count(self, client: Client, user: str | None, by: int) -> None:
        if user:
            places = [f"user {user}"]
        else:
            places = [client.network, *([client.site] if client.site else [])]
            self._signed_out += by
        for place in places:
            self._places[place] += by
            if not self._places[place]:
                del self._places[place]  # or else every network that ever came stays


class Turns:
    """When a signed-out page may run the script again: a token bucket per network (AV-1).

    Kept as the moment at which the network's bucket is full again, so that a network is forgotten
    as soon as it has been quiet for a while.
    """

    def __init__(self, bounds: Bounds, clock: Callable[[], float] = monotonic) -> None:
        self._bounds = bounds
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def __len__(self) -> int:
        """Return how many networks are remembered."""
        return len(self._full_at)

    def take(self, client: Client) -> float:
        """Take the next turn of *client*'s network; return the seconds until it comes, mostly 0."""
        wait = self._take(client.network, 1)
        return max(wait, self._take(client.site, SITE)) if client.site else wait

    def _take(self, place: str, share: int) -> float:
        if place not in self._full_at and len(self._full_at) >= MOST_PLACES:
            place = UNKNOWN  # more come than one can count: the rest are one network
        now = self._clock()
        full_at = max(now, self._full_at.get(place, now)) + 1 / (share * self._bounds.runs_rate)
        self._full_at[place] = full_at
        return max(0.0, full_at - now - self._bounds.runs / self._bounds.runs_rate)

    def forget(self) -> None:
        """Forget the networks whose bucket is full again."""
        now = self._clock()
        self._full_at = {place: at for place, at in self._full_at.items() if at > now}


SMALL = 4 * 1024  # bytes: a message of so many has few fields
VARINT, FIXED64, DELIMITED, FIXED32 = 0, 1, 2, 5  # protobuf's wire types; groups are of the past


def has_few_parts(data: bytes, most: int) -> bool:
    """Return whether the message *data* of a page has at most *most* fields, at every depth.

    Reading one with seven million empty fields takes Streamlit six seconds, in which nobody is
    served, and a gigabyte. This looks at the bytes first, and stops at the limit (AV-2).
    """
    if len(data) <= SMALL:
        return True
    left = most
    # Each message within: where it ends, and which messages may stand in it.
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
                        left -= size  # numbers, one a byte at the least
                    at += size
                else:
                    return False
                if left < 0:
                    return False
    except IndexError:  # it ends too early
        return False
    return True


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at *at* and where it ends."""
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


# Which counter has an open websocket, by the number that its script is told; and the user of each
# Streamlit session whose script found a user at its last run.
OPEN_SOCKETS: dict[int, Sockets] = {}
SIGNED_IN_TABS: dict[str, str] = {}


def note_user(number: int, session: str, user: str | None) -> None:
    """Note who is signed in in a tab: by its websocket's *number* and its Streamlit *session*.

    Scripts call it from their own threads, on every run.
    """
    if user is None:
        SIGNED_IN_TABS.pop(session, None)
        return
    SIGNED_IN_TABS[session] = user
    if sockets := OPEN_SOCKETS.get(number):
        sockets.sign_in(number, user)


class Uploads:
    """What signed-in users have uploaded and Streamlit keeps in memory (AV-3)."""

    def __init__(self, bounds: Bounds, clock: Callable[[], float] = monotonic) -> None:
        self._bounds = bounds
        self._clock = clock
        self._sizes: dict[tuple[str, str], tuple[str, int]] = {}  # by Streamlit session and file
        self._arriving: dict[int, tuple[tuple[str, str], tuple[str, int]]] = {}  # by number
        self._last = 0
        self._closed: dict[str, float] = {}  # when a Streamlit session with files was seen closed

    def reserve(self, user: str, session: str, file: str, size: int) -> int | None:
        """Return the number of an upload of *size* bytes, or None if there is no room for it.

        What is on its way counts, so that parallel uploads cannot exceed the bounds together, not
        even those of one *file*; the file that is to be replaced does not.
        """
        one = int(config.get_option("server.maxUploadSize")) * MEGABYTE
        others = [held for key, held in self._sizes.items() if key != (session, file)]
        others += [held for _, held in self._arriving.values()]
        own = [held for owner, held in others if owner == user]
        if (
            len(own) >= self._bounds.user_files
            or sum(own) + size > self._bounds.user_upload * one
            or sum(held for _, held in others) + size > self._bounds.all_uploads * one
        ):
            return None
        self._last += 1
        self._arriving[self._last] = ((session, file), (user, size))
        return self._last

    def finish(self, number: int, *, arrived: bool) -> None:
        """Count an upload as a file if it has *arrived*; otherwise all stays as it was before."""
        key, held = self._arriving.pop(number)
        if arrived:
            self._sizes[key] = held

    def release(self, session: str, file: str) -> None:
        """Forget a file that was removed."""
        self._sizes.pop((session, file), None)

    def free(self, is_open: Callable[[str], bool], remove: Callable[[str], None]) -> None:
        """Remove the files of the Streamlit sessions whose tabs have been closed for long enough.

        Streamlit keeps them for good: its session store drops what is old without a word.
        """
        now = self._clock()
        sessions = {session for session, _ in self._sizes}
        self._closed = {
            session: self._closed.get(session, now) for session in sessions if not is_open(session)
        }
        for session, since in list(self._closed.items()):
            if now - since >= self._bounds.uploads_kept:
                remove(session)
                for key in [key for key in self._sizes if key[0] == session]:
                    del self._sizes[key]


def forget_closed_tabs(uploads: Uploads) -> None:
    """Forget who was signed in in tabs that are closed, and free what they had uploaded."""
    if not runtime.exists():
        return
    running = runtime.get_instance()
    for session in list(SIGNED_IN_TABS):
        if not running.is_active_session(session):
            SIGNED_IN_TABS.pop(session, None)
    uploads.free(running.is_active_session, running.uploaded_file_mgr.remove_session_files)


class Connection(Protocol):
    """The part of uvicorn's HTTP protocols that Patrol reads: both of them have it."""

    transport: Any
    cycle: Any
    client: tuple[str, int] | None


class Phase(StrEnum):
    """What an HTTP connection waits for."""

    REQUEST = "request"
    BODY = "body"  # the gate gives each its time
    APP = "app"
    ANSWER = "answer"  # for its client to read it


@dataclass(frozen=True)
class Held:
    """A connection as Patrol saw it last."""

    connection: Connection
    phase: Phase
    cycle: object  # uvicorn's, one for each request
    unread: int  # bytes of the answer that the client has not read yet
    begun: float  # when this request was first seen, or the wait for one
    since: float  # when there was progress last

    @property
    def rank(self) -> tuple[bool, float]:
        """The order in which connections are closed: those that wait for the app go last."""
        return (self.phase is Phase.APP, self.begun)


@dataclass(frozen=True)
class Unfinished:
    """A message on a websocket that has not arrived to its end: its bytes, and since when."""

    connection: Any
    size: int
    begun: float


def _network(connection: Connection, by_network: bool) -> str:
    """Return the network of the peer, or one for all where the peers are not the visitors."""
    peer = connection.client
    return Client(ip=peer[0] if peer and by_network else "").network


@dataclass
class Patrol:
    """Close the HTTP connections that hold this server's descriptors too long or too many (AV-3).

    uvicorn bounds only the silence after an answer, and one byte ends that. Slow headers, a body
    that nobody reads, and an answer that the client does not read would stay for good; and what is
    slow but not too slow, in bodies and answers, is as many descriptors as a client likes.
    The messages of websockets are bounded in size alone: here in time, and all of them together.
    """

    bounds: Bounds
    descriptors: int
    log: BoundedLog
    clock: Callable[[], float] = monotonic
    _held: dict[Connection, Held] = field(default_factory=dict)
    _unfinished: dict[Any, Unfinished] = field(default_factory=dict)

    def look(self, connections: Iterable[Any], *, by_network: bool) -> None:
        """Close what has waited for too long, and what is too much; called every *look_every*.

        *by_network* is whether the peers are the visitors, with no proxy in between.
        """
        now = self.clock()
        connections = list(connections)
        self._look_at_messages(connections, now, by_network)
        seen = (_held(connection, self._held.get(connection), now) for connection in connections)
        self._held = {held.connection: held for held in seen if held}
        limits = {Phase.REQUEST: self.bounds.headers, Phase.ANSWER: self.bounds.answer}
        stay = []
        for held in sorted(self._held.values(), key=lambda held: held.rank):
            if now - held.since >= limits.get(held.phase, inf):
                self._end(held.connection, f"no {held.phase} for too long")
            else:
                stay.append(held)
        self._end_excess(stay, by_network)

    def _end_excess(self, stay: list[Held], by_network: bool) -> None:
        """Close the oldest connections over a share of the descriptors, the largest crowd's first.

        A crowd is a network; it may have a quarter of the share.
        """
        most = connection_room(self.bounds, self.descriptors)
        crowds: defaultdict[str, deque[Held]] = defaultdict(deque)
        for held in stay:
            crowds[_network(held.connection, by_network)].append(held)
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
        """Close websockets whose message comes too slowly, and those with most of too many bytes.

        The network with most of them loses its oldest first.
        """
        seen = (
            _unfinished(connection, self._unfinished.get(connection), now)
            for connection in connections
        )
        self._unfinished = {message.connection: message for message in seen if message}
        crowds: defaultdict[str, deque[Unfinished]] = defaultdict(deque)
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


def _unfinished(connection: Any, before: Unfinished | None, now: float) -> Unfinished | None:
    """Return what has arrived of a message on *connection*; None for nothing, or no websocket.

    uvicorn keeps the frames that are whole, and the library below it what has come of the next.
    One that is shorter than *before* is another message.
    """
    if not hasattr(connection, "frames") or connection.transport is None:
        return None
    size = len(connection.conn.reader.buffer) + sum(map(len, connection.frames))
    if not size:
        return None
    is_same = before is not None and before.size <= size
    return Unfinished(connection, size, before.begun if before and is_same else now)


def _held(connection: Any, before: Held | None, now: float) -> Held | None:
    """Return what is to be known of *connection*; None for a websocket: uvicorn pings those."""
    if not hasattr(connection, "cycle") or connection.transport is None:
        return None
    cycle = connection.cycle
    unread = connection.transport.get_write_buffer_size()
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
    return Held(connection, phase, cycle, unread, begun, since)


def bound_messages() -> None:
    """Have every uvicorn server in this process take messages as `streamlit run` bounds them.

    By itself uvicorn unpacks compressed ones, a thousand times what was sent. And Streamlit would
    take 200 MB before it closes what has more than `server.maxWidgetStateSize`.
    """
    from uvicorn import Config

    largest = get_max_widget_state_size_bytes()
    for thing in gc.get_objects():
        if type(thing) is Config:
            thing.ws_per_message_deflate = config.get_option("server.enableWebsocketCompression")
            thing.ws_max_size = min(thing.ws_max_size, largest)


def running_servers() -> list["ServerState"]:
    """Return the state of every uvicorn server in this process: nobody hands it to us.

    Call it before the heap is frozen: what is frozen is not found.
    """
    from uvicorn.server import ServerState  # not while uvicorn itself is being imported

    return [thing for thing in gc.get_objects() if type(thing) is ServerState]
