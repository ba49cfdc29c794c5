"""A copy of the app with pages of these tests' own, for what the app's pages don't show."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from tests.browser.conftest import ServerOf, without_traceback
from tests.serving import Server, copy_project, serve

PAGES = Path(__file__).parent / "pages"
WATCH, PATIENCE = 2, 3  # seconds, of the workshop: a test should not wait half a minute
NAVIGATION = "    ],\n    public=[\n"


@pytest.fixture(scope="package")
def workshop_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerOf]:
    """Return a way to a copy of the app with the pages of these tests in it, and less patience.

    What a page author does: a file in views/ and a line in app.py for each.
    """
    pages = sorted(PAGES.glob("*.py"))
    lines = "".join(
        f'        st.Page("views/{page.name}", title="{page.stem.capitalize()}"),\n'
        for page in pages
    )
    folder = tmp_path_factory.mktemp("workshop")
    project = copy_project(
        folder / "project",
        edits={
            "app.py": (NAVIGATION, lines + NAVIGATION),
            "web/navigation.py": (
                "WATCH_EVERY = timedelta(seconds=30)",
                f"WATCH_EVERY = timedelta(seconds={WATCH})",
            ),
            "views/waiting.py": (
                "PATIENCE = timedelta(seconds=8)",
                f"PATIENCE = timedelta(seconds={PATIENCE})",
            ),
        },
    )
    for page in pages:
        shutil.copy(page, project / "views")
    with ExitStack() as stack:
        yield cache(
            lambda script: stack.enter_context(serve(script, folder / script, project=project))
        )


@pytest.fixture
def workshop(workshop_of: ServerOf, bridge: str) -> Iterator[Server]:
    """Return the running copy with the tests' own pages, watched like the other."""
    yield from without_traceback(workshop_of(bridge))
