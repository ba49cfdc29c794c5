"""Mail: what one is, the port it leaves by, and the post that carries it off the page's thread."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Event
from typing import Protocol

from auth.passwords import step_back

log = logging.getLogger("auth.mail")

MOST_WAITING = 1_000  # letters and look-ups that may wait; more are dropped, and that is logged
PAUSES = (1.0, 5.0, 25.0)  # seconds before a letter is tried again


class MailFailed(Exception):
    """The letter could not be handed over; another try may work."""


class MailRefused(MailFailed):
    """The letter will never be taken, however often it is tried."""


@dataclass(frozen=True)
class Mail:
    """A letter to one person, as text and as HTML; *link* is where its button leads."""

    to: str
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)
    link: str | None = field(default=None, repr=False)


class Mailer(Protocol):
    """One way to send a mail."""

    def send(self, mail: Mail) -> None:
        """Hand *mail* over, or raise MailFailed or MailRefused."""


class Post:
    """A thread that writes and sends letters after the page has answered (EN-2).

    Whatever goes wrong here goes to the log: a page says the same whether a mail left or not.
    """

    def __init__(self, mailer: Mailer, pauses: tuple[float, ...] = PAUSES) -> None:
        self._mailer = mailer
        self._pauses = pauses
        self._room = BoundedSemaphore(MOST_WAITING)
        self._worker = ThreadPoolExecutor(1, "post", step_back)
        self._sender = ThreadPoolExecutor(1, "mail", step_back)
        self._closing = Event()

    def later(self, errand: Callable[[], object]) -> None:
        """Run *errand* soon, in turn, in the post's own thread."""
        self._hand_to(self._worker, errand)

    def send(self, mail: Mail) -> None:
        """Send *mail* soon, and try again where that fails."""
        self._hand_to(self._sender, lambda: self._deliver(mail))

    def finish(self) -> None:
        """Return when all that was handed in before is done."""
        for thread in (self._worker, self._sender):
            thread.submit(_nothing).result()

    def close(self) -> None:
        """Stop trying again, and end."""
        self._closing.set()
        self._worker.shutdown()
        self._sender.shutdown()

    def _hand_to(self, thread: ThreadPoolExecutor, errand: Callable[[], object]) -> None:
        if not self._room.acquire(blocking=False):
            log.error("The post has no room left: a letter was dropped.")
            return
        thread.submit(errand).add_done_callback(self._done)

    def _done(self, errand: object) -> None:
        self._room.release()
        fault = errand.exception()  # type: ignore[attr-defined]
        if fault:
            log.error("An errand of the post failed.", exc_info=fault)

    def _deliver(self, mail: Mail) -> None:
        for pause in (*self._pauses, None):
            try:
                self._mailer.send(mail)
            except MailRefused as fault:
                log.error("A mail was refused for good: %s", fault)
                return
            except MailFailed as fault:
                log.warning("A mail was not taken: %s", fault)
                if pause is None or self._closing.wait(pause):
                    log.error("A mail was given up.")
                    return
            else:
                return


def _nothing() -> None:
    """Do nothing: whoever waits for it has waited for all before it."""
