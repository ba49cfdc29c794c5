"""The README's pictures, which `python3 dev.py screenshots` takes, are small enough for a page."""

from settings import ROOT

LARGEST = 400_000  # bytes of all pictures


def test_the_pictures_do_not_weigh_much() -> None:
    """All together less than 400 kB."""
    assert sum(file.stat().st_size for file in ROOT.glob("docs/images/*")) < LARGEST
