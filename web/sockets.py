"""The open websockets: each is one open tab, counted toward its network or its user (AV-3)."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from auth.client import Client
from web.bounds import DESCRIPTORS_A_SOCKET, SITE_FACTOR, SPARE_DESCRIPTORS, Bounds, connection_room
from web.turns import RunSlots


@dataclass(eq=False)
class Socket:
    """One open websocket; *user* is the id of its signed-in user, None when signed out."""

    client: Client
    user: str | None
    end: Callable[[], None]  # closes it, to make room for another
    heard: float  # when it sent its last message
    is_silent: bool  # it is new, has sent no message, and counts as silent

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

        *end* is called at most once, if this one has to make room for another. One that *comes
        back* doesn't count as silent.
        """
        is_silent = not user and not comes_back
        with self._lock:
            if not (self._fits_user(user) if user else self._fits_network(client, is_silent)):
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
            return self._fits_network(client, is_silent=True) and (
                not self._is_full(None) or self._longest_silent(client.source, None) is not None
            )

    def heard(self, number: int) -> None:
        """Record that the websocket *number* has sent a message; unknown numbers are ignored."""
        with self._lock:
            if socket := self._open.get(number):
                socket.heard = self._clock()
                self._speak(socket)

    def user_of(self, number: int) -> str | None:
        """Return the id of the user that the websocket *number* counts toward, if there is one."""
        socket = self._open.get(number)
        return socket.user if socket else None

    def close(self, number: int) -> None:
        """Forget the websocket *number*; unknown numbers are ignored."""
        with self._lock:
            if number in self._open:
                self._forget(number)

    def sign_in(self, number: int, user: str | None) -> None:
        """Count the websocket *number* toward *user* from now on, and not toward its network.

        If the user has too many, it stays with the network; without a user it counts toward the
        network again.
        """
        with self._lock:
            socket = self._open.get(number)
            if not socket or socket.user == user:
                return
            if not user or self._fits_user(user):
                self._count(socket.client, socket.user, -1)
                socket.user = user
                self._count(socket.client, user, 1)

    def _fits_user(self, user: str) -> bool:
        return self._places[f"user {user}"] < self.most_of_a_user

    def _fits_network(self, client: Client, is_silent: bool) -> bool:
        if self._places[client.network] >= self.most_of_a_network:
            return False
        if is_silent and self._silent[client.network] >= self._most_silent:
            return False
        site = client.ipv6_site
        return not site or self._places[site] < SITE_FACTOR * self.most_of_a_network

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
                return None  # each crowd has one
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
            places = list(filter(None, [client.network, client.ipv6_site]))
            self._signed_out += by
        for place in places:
            self._places[place] += by
            if not self._places[place]:
                del self._places[place]  # otherwise every network ever seen would stay


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


def let_others_run(number: int) -> None:
    """Let other signed-out pages run: the script of this websocket has ended, or waits."""
    if sockets := OPEN_SOCKETS.get(number):
        sockets.slots.end(number)
