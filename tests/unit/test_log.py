"""The bounded log: it can't be flooded, and nothing goes unmentioned."""

import logging

import pytest

from auth.log import EVERY, BoundedLog


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
