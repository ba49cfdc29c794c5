"""Bounds on what one visitor may hold open: websockets, connections, bodies, uploads.

All counts are in this process's memory. The numbers are defined here only; SECURITY.md repeats them
and a test compares.
"""

import asyncio
import ctypes
import gc
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heapify, heappop, heappush, heapreplace
from math import inf
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from streamlit import config, runtime

from auth.client import UNKNOWN, Client
from auth.log import BoundedLog

if TYPE_CHECKING:
    from uvicorn.server import ServerState

SITE = 3  # times a network's number for all of an IPv6 /48, as for log-ins
DESCRIPTORS_A_SOCKET = 4  # measured: what one Streamlit session holds open
SPARE_DESCRIPTORS = 200  # for the database, mail and the app's own files
MOST_DESCRIPTORS = 65_536  # more than this process can use: all websockets need a quarter
MEGABYTE = 1024 * 1024
M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
MOST_PLACES = 10_000  # networks and sites whose turns are remembered: about a megabyte


@dataclass(frozen=True)
class Bounds:
    """The numbers; times are in seconds, and tests pass shorter ones."""

    # Websockets: one is one open tab.
    network_sockets: int = 300  # of signed-out visitors of one network
    silent_sockets: int = 50  # of those, new ones that have not sent a message yet
    user_sockets: int = 40  # of one signed-in user
    all_sockets: int = 4_096  # in all, where the descriptor limit allows so many
    signed_out_share: float = 0.75  # of all sockets: the rest is kept for signed-in users
    first_message: float = 30  # until a new page has sent its first message
    parts: int = 2_000  # fields in one message of a signed-out visitor's page, at every depth
    user_parts: int = 50_000  # the same for a signed-in user
    unfinished: int = 100  # megabytes in all: of messages that are arriving or wait for their turn
    runs: int = 40  # that signed-out pages of one network may request at once
    runs_rate: float = 10  # a second after that; a run takes some 20 ms of one core
    run_size: int = MEGABYTE  # bytes of a message that count as one more run
    crowd: int = 20  # runs of one network at once that crowd the server,
    crowd_rate: float = 5  # or as many a second after that: a few such networks fill a core
    slots: int = 1  # runs of signed-out pages at the same time: two slow each other down
    slot: float = 0.1  # until a longer run lets the next one begin
    rest: int = 2  # times the last run, until the next one of networks that crowd the server
    # Requests.
    headers: float = 15  # for a request's headers, and for the silence between requests
    body: float = 20  # for a body or a message, and a second more for each *body_rate*
    body_rate: int = 16 * 1024  # bytes a second
    answer: float = 60  # during which a client may read nothing of a response
    look_every: float = 1  # between two checks of connections and tabs
    connections_share: float = 0.25  # of all descriptors, for connections other than websockets
    # Uploads, by signed-in users alone; one file is bounded by server.maxUploadSize.
    user_files: int = 50
    user_upload: int = 2  # times server.maxUploadSize
    all_uploads: int = 10  # times server.maxUploadSize
    uploads_kept: float = 30  # after the tab that they belong to has closed


BOUNDS = Bounds()
INSTANT = 1e-6  # seconds: less is the rounding of a clock, and no wait


def raise_descriptor_limit() -> int:
    """Raise this process's soft limit of open files as far as allowed; return the limit."""
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


def return_freed_blocks() -> None:
    """Have the C library return each block of a megabyte or more to the system once it is freed.

    By itself glibc takes blocks of up to 32 MB from its heap, once one of that size has been freed,
    and keeps up to 64 MB at the heap's top for the next: mallopt(3), on M_MMAP_THRESHOLD.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # musl, as in Alpine, has no such setting
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, MEGABYTE)


def connection_room(bounds: Bounds, descriptors: int) -> int:
    """Return the most connections other than websockets, with or without a request."""
    return int(descriptors * bounds.connections_share)


@dataclass(eq=False)
class Socket:
    """One open websocket; *user* is the id of its signed-in user, None when signed out."""

    client: Client
    user: str | None
    end: Callable[[], None]  # closes it to make room for another
    heard: float  # when it sent its last message
    is_silent: bool  # it is new, has sent none, and counts as such for its network

    @property
    def crowd(self) -> str:
        """The group this websocket counts in; the largest group makes room for others."""
        return _crowd(self.client, self.user)


def _crowd(client: Client, user: str | None) -> str:
    return f"user {user}" if user else client.source


def nothing() -> None:
    """Do nothing."""


class Sockets:
    """The open websockets, counted before Streamlit creates a session for one (AV-3).

    Thread-safe: the event loop opens and closes them, scripts sign their users in.

    When the server is full, a new websocket replaces the longest silent one of the largest crowd,
    or of its own crowd if that is as large. A crowd is a network or a user. No crowd loses its only
    websocket to another, and a signed-out visitor never replaces a user.
    """

    def __init__(
        self, bounds: Bounds, descriptors: int, clock: Callable[[], float] = monotonic
    ) -> None:
        self._clock = clock
        left = descriptors - SPARE_DESCRIPTORS - connection_room(bounds, descriptors)
        room = max(4, left // DESCRIPTORS_A_SOCKET)
        self.most = min(bounds.all_sockets, room)
        self.most_signed_out = int(self.most * bounds.signed_out_share)
        # With few descriptors, one network still leaves most of them to others.
        self.most_of_a_network = min(bounds.network_sockets, max(1, self.most // 4))
        self.most_of_a_user = bounds.user_sockets
        self._lock = Lock()
        self._open: dict[int, Socket] = {}
        self._places: Counter[str] = Counter()  # networks, sites and users
        self._silent: Counter[str] = Counter()  # by network
        self._most_silent = bounds.silent_sockets
        self._signed_out = 0
        self._last = 0
        self.slots = RunSlots(bounds)

    def __len__(self) -> int:
        """Return the number of open websockets."""
        return len(self._open)

    def open(
        self,
        client: Client,
        user: str | None,
        end: Callable[[], None] = nothing,
        *,
        comes_back: bool = False,
    ) -> int | None:
        """Return the number of a new websocket, or None if its network has too many.

        *end* is called at most once, when it has to make room for another. One that *comes back*
        doesn't count as silent.
        """
        is_silent = not user and not comes_back
        with self._lock:
            if not self._has_room(client, user, is_silent=is_silent):
                return None
            if self._is_full(user):
                number = self._longest_silent(_crowd(client, user), user)
                if number is None:
                    return None
                self._forget(number).end()
            self._last += 1
            self._open[self._last] = Socket(client, user, end, self._clock(), is_silent)
            if is_silent:
                self._silent[client.network] += 1
            self._count(client, user, 1)
            return self._last

    def has_room(self, client: Client) -> bool:
        """Return whether a signed-out visitor's page would be admitted now."""
        with self._lock:
            return self._has_room(client, None, is_silent=True) and (
                not self._is_full(None) or self._longest_silent(client.source, None) is not None
            )

    def heard(self, number: int) -> None:
        """Record that the websocket *number* has sent a message; unknown numbers are ignored."""
        with self._lock:
            if socket := self._open.get(number):
                socket.heard = self._clock()
                self._speak(socket)

    def has_user(self, number: int) -> bool:
        """Return whether the websocket *number* counts toward a user."""
        socket = self._open.get(number)
        return socket is not None and socket.user is not None

    def close(self, number: int) -> None:
        """Forget the websocket *number*; unknown numbers are ignored."""
        with self._lock:
            if number in self._open:
                self._forget(number)

    def sign_in(self, number: int, user: str | None) -> None:
        """Count the websocket *number* toward *user* from now on, and not toward its network.

        If the user has too many, it stays with the network; and it is the network's again if there
        is no user any more.
        """
        with self._lock:
            socket = self._open.get(number)
            if not socket or socket.user == user:
                return
            if not user or self._has_room(socket.client, user):
                self._count(socket.client, socket.user, -1)
                socket.user = user
                self._count(socket.client, user, 1)

    def _has_room(self, client: Client, user: str | None, *, is_silent: bool = False) -> bool:
        if user:
            return self._places[f"user {user}"] < self.most_of_a_user
        return (
            self._places[client.network] < self.most_of_a_network
            and (not is_silent or self._silent[client.network] < self._most_silent)
        ) and (not client.site or self._places[client.site] < SITE * self.most_of_a_network)

    def _is_full(self, user: str | None) -> bool:
        return len(self._open) >= self.most or (
            not user and self._signed_out >= self.most_signed_out
        )

    def _longest_silent(self, own: str, user: str | None) -> int | None:
        """Return the websocket that makes room for one of the crowd *own*, or None."""
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
        self._speak(socket)
        return socket

    def _speak(self, socket: Socket) -> None:
        """Count *socket* as silent no longer."""
        if socket.is_silent:
            socket.is_silent = False
            network = socket.client.network
            self._silent[network] -= 1
            if not self._silent[network]:
                del self._silent[network]

    def _count(self, client: Client, user: str | None, by: int) -> None:
        if user:
            places = [f"user {user}"]
        else:
            places = [client.network, *([client.site] if client.site else [])]
            self._signed_out += by
        for place in places:
            self._places[place] += by
            if not self._places[place]:
                del self._places[place]  # otherwise every network ever seen would stay


class Buckets:
    """A token bucket for each of many places.

    Stores only the time at which a place's bucket is full again, so that a quiet one is soon
    forgotten; that is at most *longest* seconds away.
    """

    def __init__(self, rate: float, clock: Callable[[], float], longest: float = inf) -> None:
        self._rate = rate
        self._clock = clock
        self._longest = longest
        self._full_at: dict[str, float] = {}

    def take(self, place: str, tokens: float) -> float:
        """Take *tokens*; return the seconds until the bucket is full again."""
        if place not in self._full_at and len(self._full_at) >= MOST_PLACES:
            place = UNKNOWN  # more come than one can count: the rest are one network
        now = self._clock()
        full_at = max(now, self._full_at.get(place, now)) + tokens / self._rate
        self._full_at[place] = min(full_at, now + self._longest)
        return self._full_at[place] - now

    def full_at(self, place: str) -> float:
        """Return the time at which the bucket is full again."""
        return self._full_at.get(place if place in self._full_at else UNKNOWN, self._clock())

    def forget(self) -> None:
        """Forget the places with a full bucket."""
        now = self._clock()
        self._full_at = {place: at for place, at in self._full_at.items() if at > now}


class Turns:
    """Rate limit on script runs of signed-out pages, by network (AV-1)."""

    def __init__(self, bounds: Bounds, clock: Callable[[], float] = monotonic) -> None:
        self._bounds = bounds
        self._clock = clock
        self._crowding = bounds.crowd / bounds.crowd_rate  # seconds until calm
        self._limits = Buckets(bounds.runs_rate, clock)
        # After an hour of crowding, a network is calm again as soon as after a few seconds of it.
        self._crowds = Buckets(bounds.crowd_rate, clock, longest=2 * self._crowding)

    def take(self, client: Client, size: int = 0) -> float:
        """Take the next turn of *client*'s network; return the seconds until then, mostly 0.

        A message of many bytes (*size*) takes as many turns as it costs.
        """
        turns = 1 + size // self._bounds.run_size
        self._crowds.take(client.network, turns)
        wait = self._take(client.network, turns)
        return max(wait, self._take(client.site, turns / SITE)) if client.site else wait

    def _take(self, place: str, turns: float) -> float:
        wait = self._limits.take(place, turns) - self._bounds.runs / self._bounds.runs_rate
        return wait if wait > INSTANT else 0.0

    def calm_at(self, client: Client) -> float:
        """Return when *client*'s network is calm again: the later, the more it has asked for."""
        return self._crowds.full_at(client.network)

    def crowds(self, client: Client) -> bool:
        """Return whether *client*'s network asks for so much that the server slows down."""
        return self.calm_at(client) - self._clock() > self._crowding

    def forget(self) -> None:
        """Forget networks that have been quiet."""
        self._limits.forget()
        self._crowds.forget()


class RunSlots:
    """The script runs of signed-out pages, one after the other (AV-1).

    A run is a thread of its own, and the event loop waits for each new thread to get the
    interpreter's lock. When fifty people submit the log-in form at once, that keeps everyone's
    messages waiting for seconds; one after the other, the forms take half a second together. The
    next one is of the network that asked for the fewest lately. Networks that crowd the server get
    a third of its time: after a run they wait for twice as long as it took.

    A run gives its slot back when it ends or waits for something else, such as bcrypt, and loses it
    after a while: a page of the owner's may be slow. For the event loop's thread, except `end`.
    """

    def __init__(self, bounds: Bounds, clock: Callable[[], float] = monotonic) -> None:
        self._bounds = bounds
        self._clock = clock
        self._running: dict[int, tuple[float, asyncio.TimerHandle]] = {}  # since when
        # A heap: by whether the network crowds the server, its `calm_at`, then in order; the page's
        # number and its turn.
        self._waiting: list[tuple[bool, float, int, int, asyncio.Future[None]]] = []
        self._asked = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rested_at = 0.0  # when networks that crowd the server may run again
        self._resting: asyncio.TimerHandle | None = None

    def must_wait(self, crowds: bool) -> bool:
        """Return whether another page would have to wait, of a network that *crowds* or not."""
        is_full = len(self._running) >= self._bounds.slots
        return is_full or (crowds and self._clock() < self._rested_at)

    async def begin(self, number: int, calm_at: float, *, crowds: bool) -> None:
        """Wait until the page with the websocket *number* may run its script.

        *calm_at* is its network's, of `Turns`: the later, the more it has asked for. It *crowds*
        the server if that is too much.
        """
        self._loop = asyncio.get_running_loop()
        if number in self._running or not self.must_wait(crowds):
            self._start(self._loop, number)
            return
        turn = self._loop.create_future()
        self._asked += 1
        heappush(self._waiting, (crowds, calm_at, self._asked, number, turn))
        self._go_on(self._loop)
        await turn

    def end(self, number: int) -> None:
        """Give back the slot of the websocket *number*, if it has one. Thread-safe."""
        if self._loop and number in self._running:
            self._loop.call_soon_threadsafe(self._end, self._loop, number)

    def _start(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        if before := self._running.pop(number, None):
            before[1].cancel()
        timer = loop.call_later(self._bounds.slot, self._end, loop, number)
        self._running[number] = self._clock(), timer

    def _end(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        if run := self._running.pop(number, None):
            began, timer = run
            timer.cancel()
            now = self._clock()
            self._rested_at = max(self._rested_at, now + self._bounds.rest * (now - began))
        self._go_on(loop)

    def _go_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin the next runs, if they may already."""
        if self._resting:
            self._resting.cancel()
            self._resting = None
        while self._waiting and not self.must_wait(crowds=False):
            crowds, _, _, number, turn = self._waiting[0]
            if self.must_wait(crowds):
                seconds = self._rested_at - self._clock()
                self._resting = loop.call_later(seconds, self._go_on, loop)
                return
            heappop(self._waiting)
            if not turn.done():  # its page may be gone
                turn.set_result(None)
                self._start(loop, number)


# The counter of each open websocket, by the number that its script gets; and the user of each
# Streamlit session, as of its script's last run.
OPEN_SOCKETS: dict[int, Sockets] = {}
SIGNED_IN_TABS: dict[str, str] = {}


def note_user(number: int, session: str, user: str | None) -> None:
    """Record a tab's signed-in user, by its websocket's *number* and its Streamlit *session*.

    Scripts call it from their own threads, on every run.
    """
    if user:
        SIGNED_IN_TABS[session] = user
    else:
        SIGNED_IN_TABS.pop(session, None)
    if sockets := OPEN_SOCKETS.get(number):
        sockets.sign_in(number, user)


def end_run(number: int) -> None:
    """Let other signed-out pages run: the script of this websocket has ended, or waits."""
    if sockets := OPEN_SOCKETS.get(number):
        sockets.slots.end(number)


class Uploads:
    """The uploads of signed-in users, which Streamlit keeps in memory (AV-3)."""

    def __init__(self, bounds: Bounds, clock: Callable[[], float] = monotonic) -> None:
        self._bounds = bounds
        self._clock = clock
        self._sizes: dict[tuple[str, str], tuple[str, int]] = {}  # by Streamlit session and file
        self._arriving: dict[int, tuple[tuple[str, str], tuple[str, int]]] = {}  # by number
        self._last = 0
        self._closed: dict[str, float] = {}  # when a Streamlit session with files was seen closed

    def reserve(self, user: str, session: str, file: str, size: int) -> int | None:
        """Return the number of an upload of *size* bytes, or None if there is no room for it.

        Uploads under way count, so that parallel ones cannot exceed the bounds together, not even
        those of one *file*. The file being replaced does not count.
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
        """Count an upload as a file if it has *arrived*; otherwise drop its reservation."""
        key, held = self._arriving.pop(number)
        if arrived:
            self._sizes[key] = held

    def release(self, session: str, file: str) -> None:
        """Forget a file that was removed."""
        self._sizes.pop((session, file), None)

    def free(self, is_open: Callable[[str], bool], remove: Callable[[str], None]) -> None:
        """Remove the files of Streamlit sessions that have been closed for long enough.

        Streamlit never removes them: its session store drops old sessions silently.
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
    """Forget the users of closed tabs, and free the uploads."""
    if not runtime.exists():
        return
    running = runtime.get_instance()
    for session in list(SIGNED_IN_TABS):
        if not running.is_active_session(session):
            SIGNED_IN_TABS.pop(session, None)
    uploads.free(running.is_active_session, running.uploaded_file_mgr.remove_session_files)


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
class Held:
    """A connection as Patrol last saw it."""

    connection: Connection
    phase: Phase
    cycle: object  # uvicorn's, one for each request
    unread: int  # bytes of the answer that the client has not read yet
    begun: float  # when this request, or the wait for one, was first seen
    since: float  # when there was progress last

    @property
    def rank(self) -> tuple[bool, float]:
        """The order in which connections are closed: last those that wait for the app."""
        return (self.phase is Phase.APP, self.begun)


@dataclass(frozen=True)
class Unfinished:
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
    """Close HTTP connections that hold descriptors for too long, or too many of them (AV-3).

    uvicorn bounds only the silence after a response, and one byte ends that. Slow headers, a body
    that the app doesn't read, and a response that the client doesn't read would stay forever. Slow
    but steady bodies and responses could take any number of descriptors. Websocket messages are
    bounded elsewhere in size only; here also in time, and in their sum.
    """

    bounds: Bounds
    descriptors: int
    log: BoundedLog
    clock: Callable[[], float] = monotonic
    _held: dict[Connection, Held] = field(default_factory=dict)
    _unfinished: dict[Any, Unfinished] = field(default_factory=dict)

    def look(self, connections: Iterable[Any], *, by_network: bool) -> None:
        """Close what has waited too long or exceeds a share; called every *look_every*.

        *by_network* is true if the peers are the visitors, with no proxy in between.
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
        """Close the oldest connections above the share of descriptors, largest crowd first.

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
        """Close websockets with a message that is too slow, and, above the total, the largest.

        The network with the most bytes loses its oldest first.
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
    return Unfinished(connection, size, before.begun if before and is_same else now)


def _held(connection: Any, before: Held | None, now: float) -> Held | None:
    """Return the state of *connection*; None for a websocket, which uvicorn pings."""
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


def running_servers() -> list["ServerState"]:
    """Return the state of every uvicorn server in this process, found on the heap.

    Call it before the heap is frozen: frozen objects are not found.
    """
    from uvicorn.server import ServerState  # not while uvicorn itself is being imported

    return [thing for thing in gc.get_objects() if type(thing) is ServerState]
