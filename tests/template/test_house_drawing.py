"""What how-it-works.md shows and lists of the house is what there is."""

import pytest

from bench.walk import measure, reading
from settings import ROOT
from upkeep.drawing import FILE, draw


def test_the_drawing_is_made_from_the_imports() -> None:
    """After a change: python -m upkeep.drawing."""
    assert FILE.read_text("utf-8") == draw(ROOT)


def test_the_core_that_is_read_first_is_listed_in_order() -> None:
    """From the script to the service; all of it exists."""
    files = reading()

    assert files[0] == "app.py"
    assert all((ROOT / name).is_file() for name in files)


@pytest.mark.slow
def test_a_log_in_walks_through_no_more_of_the_house_than_it_did() -> None:
    """Files and lines of each walk, and of the core that is read first."""
    assert [row for row in measure(quick=True) if row.missed] == []
