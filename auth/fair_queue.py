"""A queue for expensive work such as bcrypt: few threads, and networks take turns."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any, TypeVar

from auth.errors import Busy

T = TypeVar("T")
NEVER = (False, 0)  # what is noted of a source that was not served yet
MOST_SERVED = 1_000  # sources that are remembered as served


class FairQueue:
    """Runs jobs in *threads* threads; sources take turns, so a busy one delays no other.

    The next job is of the source that was served longest ago, and sources whose last job came to
    nothing, such as a wrong password, stand behind all others. So a log-in waits for the job that
    runs now, and not for each network that guesses.

    A source is a network. At most *per_source* jobs of one source may wait, and *in_all* of all
    sources. Any more raise Busy at once, so that no attacker can fill the queue (BC-9, AV-4).
    """

    def __init__(
        self,
        threads: int,
        *,
        per_source: int,
        in_all: int,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self._threads = ThreadPoolExecutor(threads, "dear-work", prepare)
        self._per_source = per_source
        self._in_all = in_all
        self._lock = Lock()
        self._waiting = 0
        self._queues: dict[str, deque[tuple[Callable[[], Any], Future[Any]]]] = {}
        self._turns = 0
        # Of each source, the latest at the end: whether its last job came to nothing, and its turn.
        self._served: dict[str, tuple[bool, int]] = {}

    def run(self, job: Callable[[], T], source: str = "") -> T:
        """Run *job* when it is the turn of *source* and return its result; raises Busy."""
        done: Future[T] = Future()
        with self._lock:
            queue = self._queues.get(source) or deque()
            if len(queue) >= self._per_source or self._waiting >= self._in_all:
                raise Busy
            queue.append((job, done))
            self._queues[source] = queue
            self._waiting += 1
        self._threads.submit(self._run_next)
        return done.result()

    def _run_next(self) -> None:
        """Run the oldest job of the source whose turn it is."""
        with self._lock:
            source = min(self._queues, key=lambda source: self._served.get(source, NEVER))
            self._turns += 1
            self._serve(source, self._served.get(source, NEVER)[0])
            queue = self._queues[source]
            job, done = queue.popleft()
            self._waiting -= 1
            if not queue:
                del self._queues[source]
        try:
            result = job()
        except BaseException as fault:  # raised again by `run`, in the thread that asked
            done.set_exception(fault)
            return
        with self._lock:
            self._serve(source, not result)
        done.set_result(result)

    def _serve(self, source: str, in_vain: bool) -> None:
        """Note the turn of *source*, and whether its last job came to nothing."""
        self._served.pop(source, None)
        self._served[source] = (in_vain, self._turns)
        if len(self._served) > MOST_SERVED:
            del self._served[next(iter(self._served))]
