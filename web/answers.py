"""Hold a script run until the browser answers a question that the run asked its page.

An answer that arrived as a component's value would end the run and start another, and the click or
the form that started the first would be lost. So the route that gets the answer wakes the run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event

from web.tab import tab

HOLD = timedelta(seconds=4)  # at most; the answer takes one request
LOOK_EVERY = timedelta(milliseconds=100)
_expected: dict[str, Event] = {}


def wake(key: str) -> None:
    """Wake the run that asked under *key*, if it is waiting in this process."""
    if event := _expected.get(key):
        event.set()


@contextmanager
def expected(key: str) -> Iterator[Event]:
    """Expect an answer to *key* until the block ends; the yielded event is set when it arrives."""
    event = _expected[key] = Event()
    try:
        yield event
    finally:
        _expected.pop(key, None)


def hold_run(event: Event) -> None:
    """Wait until *event* is set, at most HOLD; another event of this tab ends the run."""
    for _ in range(HOLD // LOOK_EVERY):
        tab()  # reading the state lets Streamlit end this run
        if event.wait(LOOK_EVERY.total_seconds()):
            return
