"""What a held run waits for: the browser's answer to a question that the run asked its page.

An answer that arrived as a component's value would end the run and start another, in which the
click or the form that began the first is forgotten. So the route that gets it wakes the run.
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
    """Wake the run that asked under *key*, if it waits in this process."""
    if event := _expected.get(key):
        event.set()


@contextmanager
def expected(key: str) -> Iterator[Event]:
    """Expect an answer to *key* until the block ends; the value is set when it is here."""
    event = _expected[key] = Event()
    try:
        yield event
    finally:
        _expected.pop(key, None)


def hold_run(event: Event) -> None:
    """Return once *event* is set, or when HOLD is over; another event of this tab ends the run."""
    for _ in range(HOLD // LOOK_EVERY):
        tab()  # reading the state lets Streamlit end this run
        if event.wait(LOOK_EVERY.total_seconds()):
            return
