"""How often pages may ask for runs, and which signed-out page may run next (AV-1)."""

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from time import monotonic

from auth.client import UNKNOWN, Client
from web.bounds import SITE_FACTOR, Bounds

MOST_PLACES = 10_000  # networks and sites whose turns are remembered: about a megabyte
INSTANT = 1e-6  # seconds: less is the rounding of a clock, and no wait


class Buckets:
    """A token bucket for each of many places.

    Stores only when a place's bucket is full again, at most *longest* seconds from now, so that a
    quiet place is soon forgotten.
    """

    def __init__(self, rate: float, clock: Callable[[], float], longest: float = inf) -> None:
        self._rate = rate
        self._clock = clock
        self._longest = longest
        self._full_at: dict[str, float] = {}

    def take(self, place: str, tokens: float) -> float:
        """Take *tokens*; return the seconds until the bucket is full again."""
        if place not in self._full_at and len(self._full_at) >= MOST_PLACES:
            place = UNKNOWN  # too many to count: the rest share one bucket
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
    """Rate limits on messages of pages: by network, or by user for signed-in ones (AV-1)."""

    def __init__(self, bounds: Bounds, clock: Callable[[], float] = monotonic) -> None:
        self._bounds = bounds
        self._clock = clock
        self._crowding = bounds.crowd / bounds.crowd_rate  # seconds until calm
        free = bounds.runs / bounds.runs_rate
        self._limits = Buckets(bounds.runs_rate, clock, longest=free + bounds.longest_wait)
        self._free_for_user = bounds.user_messages / bounds.user_rate
        longest = self._free_for_user + bounds.longest_wait
        self._users = Buckets(bounds.user_rate, clock, longest)
        # After an hour of crowding, a network is calm as soon as after a few seconds of it.
        self._crowds = Buckets(bounds.crowd_rate, clock, longest=2 * self._crowding)

    def take(self, client: Client, size: int = 0) -> float:
        """Take the next turn of *client*'s network; return the seconds until then, usually 0.

        A message of many bytes (*size*) takes as many turns as it costs.
        """
        turns = 1 + size // self._bounds.run_size
        self._crowds.take(client.source, turns)
        wait, site = self._take(client.network, turns), client.ipv6_site
        return max(wait, self._take(site, turns / SITE_FACTOR)) if site else wait

    def take_for(self, user: str) -> float:
        """Take the next turn of a signed-in *user*; return the seconds until then, mostly 0."""
        wait = self._users.take(user, 1) - self._free_for_user
        return wait if wait > INSTANT else 0.0

    def _take(self, place: str, turns: float) -> float:
        wait = self._limits.take(place, turns) - self._bounds.runs / self._bounds.runs_rate
        return wait if wait > INSTANT else 0.0

    def calm_at(self, client: Client) -> float:
        """Return when *client*'s network is calm again: the later, the more it has asked for."""
        return self._crowds.full_at(client.source)

    def crowds(self, client: Client) -> bool:
        """Return whether *client*'s network asks for so much that the server slows down."""
        return self.calm_at(client) - self._clock() >= self._crowding

    def forget(self) -> None:
        """Forget networks and users that have been quiet."""
        self._limits.forget()
        self._users.forget()
        self._crowds.forget()


class RunSlots:
    """The script runs of signed-out pages, one after the other (AV-1).

    A run is a thread of its own, and the event loop waits for each new thread to get the
    interpreter's lock. When fifty people submit the log-in form at once, that keeps everyone's
    messages waiting for seconds; one after the other, the forms take half a second together. The
    next run is of the network that asked for the fewest lately. Networks that crowd the server get
    a third of its time: after a run they wait for twice as long as it took.

    A run gives its slot back when it ends or waits for something else, such as bcrypt, and loses it
    after a while: a page of the owner's may be slow. For the event loop's thread, except `end`.
    """

    def __init__(self, bounds: Bounds, clock: Callable[[], float] = monotonic) -> None:
        self._bounds = bounds
        self._clock = clock
        self._running: dict[int, tuple[float, asyncio.TimerHandle]] = {}  # since when
        # A heap: whether the network crowds the server, its `calm_at`, the order of arrival; then
        # the page's number and its turn.
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
        if number in self._running:
            return  # it has a slot already: a second click is part of the first one's run
        if not self.must_wait(crowds):
            self._start(self._loop, number)
            return
        turn = self._loop.create_future()
        self._asked += 1
        heappush(self._waiting, (crowds, calm_at, self._asked, number, turn))
        self._start_next(self._loop)
        await turn

    def end(self, number: int) -> None:
        """Give back the slot of the websocket *number*, if it has one. Thread-safe."""
        if self._loop and number in self._running:
            self._loop.call_soon_threadsafe(self._end, self._loop, number)

    def _start(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        timer = loop.call_later(self._bounds.slot, self._end, loop, number)
        self._running[number] = self._clock(), timer

    def _end(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        if run := self._running.pop(number, None):
            began, timer = run
            timer.cancel()
            now = self._clock()
            self._rested_at = max(self._rested_at, now + self._bounds.rest * (now - began))
        self._start_next(loop)

    def _start_next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin the next runs, if they may already."""
        if self._resting:
            self._resting.cancel()
            self._resting = None
        while self._waiting and not self.must_wait(crowds=False):
            crowds, _, _, number, turn = self._waiting[0]
            if self.must_wait(crowds):
                seconds = self._rested_at - self._clock()
                self._resting = loop.call_later(seconds, self._start_next, loop)
                return
            heappop(self._waiting)
            if not turn.done():  # its page may be gone
                turn.set_result(None)
                self._start(loop, number)
