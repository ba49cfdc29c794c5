"""The README's pictures: taken from the app as it is, small enough for a page."""

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

from settings import ROOT
from tests.browser.conftest import chromium

LARGEST = 400_000  # bytes of all pictures


def test_the_pictures_are_taken_from_the_real_app(tmp_path: Path) -> None:
    """The script goes through the whole story; the picture that is kept is of its kind."""
    taken = tmp_path / "pages.png"

    done = subprocess.run(
        [sys.executable, "-m", "upkeep.screenshots", taken],
        cwd=ROOT,
        env=os.environ | {"CHROMIUM": chromium()},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    with Image.open(taken) as new, Image.open(ROOT / "docs/images/pages.png") as kept:
        assert new.size == kept.size
    assert taken.stat().st_size < LARGEST


def test_the_pictures_do_not_weigh_much() -> None:
    """All together less than 400 kB."""
    assert sum(file.stat().st_size for file in ROOT.glob("docs/images/*")) < LARGEST
