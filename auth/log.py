"""Logs that can't be flooded: what repeats is written a few times a minute, with its count."""

import logging
from collections.abc import Callable
from threading import Lock
from time import monotonic
from traceback import walk_tb

EVERY = 60.0  # seconds from the first line of a kind until it may be written again
MOST = 10  # lines of a kind in that time, in other libraries' logs


class _Quota:
    """At most *most* lines of each kind every *every* seconds."""

    def __init__(self, most: int, every: float, clock: Callable[[], float]) -> None:
        self._most, self._every, self._clock = most, every, clock
        self._lock = Lock()
        self._counts: dict[object, tuple[float, int]] = {}  # by kind: since when, and how many

    def take(self, kind: object) -> int | None:
        """Return how many of *kind* were left out before this one, or None to leave it out too."""
        now = self._clock()
        with self._lock:
            since, count = self._counts.get(kind, (now, 0))
            over = now - since >= self._every
            self._counts[kind] = (now, 1) if over else (since, count + 1)
        if not over:
            return None if count >= self._most else 0
        return max(count - self._most, 0)


class BoundedLog:
    """A logger that writes each kind of message at most once every *every* seconds.

    A kind is the message before its arguments are filled in. The next line of a kind says how many
    were left out, so the count is complete.
    """

    def __init__(
        self, name: str, every: float = EVERY, clock: Callable[[], float] = monotonic
    ) -> None:
        self._log = logging.getLogger(name)
        self._quota = _Quota(1, every, clock)

    def warning(self, message: str, *values: object, cause: BaseException | None = None) -> None:
        """Log *message* as a warning, with the traceback of *cause*."""
        self._write(logging.WARNING, message, values, cause)

    def error(self, message: str, *values: object, cause: BaseException | None = None) -> None:
        """Log *message* as an error, with the traceback of *cause*."""
        self._write(logging.ERROR, message, values, cause)

    def _write(
        self, level: int, message: str, values: tuple[object, ...], cause: BaseException | None
    ) -> None:
        left_out = self._quota.take(message)
        if left_out is not None:
            text = message % values if values else message
            self._log.log(level, "%s", text + _and_more(left_out), exc_info=cause)


class Bounded(logging.Filter):
    """The same for a logger that is not ours: *most* lines from one place every *every* seconds.

    A place is a line of code that logs, and with a traceback also the line that raised.
    """

    def __init__(
        self, most: int = MOST, every: float = EVERY, clock: Callable[[], float] = monotonic
    ) -> None:
        super().__init__()
        self._quota = _Quota(most, every, clock)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether *record* is written."""
        left_out = self._quota.take((record.pathname, record.lineno, _raised_at(record)))
        if left_out:
            record.msg, record.args = record.getMessage() + _and_more(left_out), ()
        return left_out is not None


def _raised_at(record: logging.LogRecord) -> tuple[str, int] | None:
    frames = list(walk_tb(record.exc_info[2])) if record.exc_info else []
    return (frames[-1][0].f_code.co_filename, frames[-1][1]) if frames else None


def _and_more(left_out: int) -> str:
    return f" ({left_out:,} more like this since the last line.)" if left_out else ""
