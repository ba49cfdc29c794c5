"""A log that can't be flooded: repeated messages are written once a minute, with their count."""

import logging
from collections.abc import Callable
from threading import Lock
from time import monotonic

EVERY = 60.0  # seconds between two lines of the same kind


class BoundedLog:
    """A logger that writes each kind of message at most once every *every* seconds.

    A kind is the message before its arguments are filled in. The next line of a kind says how many
    were left out, so the count is complete.
    """

    def __init__(
        self, name: str, every: float = EVERY, clock: Callable[[], float] = monotonic
    ) -> None:
        self._log = logging.getLogger(name)
        self._every = every
        self._clock = clock
        self._lock = Lock()
        self._written: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def warning(self, message: str, *values: object, cause: BaseException | None = None) -> None:
        """Log *message* as a warning, with the traceback of *cause*."""
        self._write(logging.WARNING, message, values, cause)

    def error(self, message: str, *values: object, cause: BaseException | None = None) -> None:
        """Log *message* as an error, with the traceback of *cause*."""
        self._write(logging.ERROR, message, values, cause)

    def _write(
        self, level: int, message: str, values: tuple[object, ...], cause: BaseException | None
    ) -> None:
        now = self._clock()
        with self._lock:
            written = self._written.get(message)
            if written is not None and now - written < self._every:
                self._left_out[message] = self._left_out.get(message, 0) + 1
                return
            self._written[message] = now
            left_out = self._left_out.pop(message, 0)
        text = message % values if values else message
        if left_out:
            text = f"{text} ({left_out:,} more like this since the last line.)"
        self._log.log(level, "%s", text, exc_info=cause)
