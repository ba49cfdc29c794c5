"""The bounded log: it can't be flooded, and nothing goes unmentioned."""

import logging

import pytest

from auth.log import EVERY, MOST, Bounded, BoundedLog


def test_what_repeats_is_written_once_a_minute_with_its_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """LG-1: for any values; another kind of message gets its own line."""
    now = [0.0]
    log = BoundedLog("auth.test", clock=lambda: now[0])

    with caplog.at_level(logging.WARNING, "auth.test"):
        for number in range(1_000):
            log.warning("It failed: %d.", number)
        log.error("Something else.")
        now[0] = EVERY
        log.warning("It failed: %d.", 1_000)
        now[0] = 2 * EVERY
        log.warning("It failed: %d.", 1_001)

    assert [record.getMessage() for record in caplog.records] == [
        "It failed: 0.",
        "Something else.",
        "It failed: 1000. (999 more like this since the last line.)",
        "It failed: 1001.",
    ]


def test_a_cause_is_written_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """LG-1: an operator sees where it came from."""
    log = BoundedLog("auth.test")

    with caplog.at_level(logging.ERROR, "auth.test"):
        try:
            raise OSError("disk full")
        except OSError as cause:
            log.error("It failed.", cause=cause)

    assert "OSError: disk full" in caplog.text


def test_anothers_log_is_bounded_by_the_line_that_raised(caplog: pytest.LogCaptureFixture) -> None:
    """AV-7: the same fault for the thousandth time is left out, a new one beside it is not."""
    now = [0.0]
    log, bounded = logging.getLogger("another"), Bounded(clock=lambda: now[0])

    def fail(values: dict[str, int], name: str) -> None:
        try:
            values[name] = 1 // len(values)
        except ZeroDivisionError:
            log.exception("It failed at %s.", name)

    log.addFilter(bounded)
    try:
        for number in range(1_000):
            fail({}, f"{number}")
        log.error("Something else.")
        now[0] = EVERY
        fail({}, "last")
    finally:
        log.removeFilter(bounded)

    said = [record.getMessage() for record in caplog.records]
    assert said[:MOST] == [f"It failed at {number}." for number in range(MOST)]
    assert said[MOST:] == [
        "Something else.",
        "It failed at last. (990 more like this since the last line.)",
    ]
