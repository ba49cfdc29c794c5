"""A project as its owner has it: its size, the time of its suite, and the edits it must bear."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.browser.conftest import chromium
from tests.template.making import code_lines, cookiecutter, git, link_venv, make_template, scatter

NAME = 'Ada\'s "Café" ☕ {{ 7*7 }} $(id) ${HOME} \\'  # nothing in the suite may mind
# As small as it is now: 120 and 8,000 are wanted, and each new file has to be worth its place.
MOST_FILES, MOST_LINES = 210, 14_665
SECONDS = 2 * 90  # of work for its suite, which is at most 90 on two cores that do nothing else

PAGE = '''"""A page as data people write them."""

import time

import pandas as pd
import streamlit as st

ROWS = 12_000

print("drawing the report")
time.sleep(0.1)
st.title("Report")
frame = pd.DataFrame({"day": pd.date_range("2026-01-01", periods=31), "visits": range(31)})
st.line_chart(frame, x="day", y="visits")
''' + "\n".join(f"x{n} = {n} # a line without style" for n in range(500))


@pytest.fixture(scope="module")
def project() -> Iterator[Path]:
    """A project with a hostile name.

    Its tests' PostgreSQL runs as another user where they run as root, and must reach it: any other
    pytest that starts meanwhile closes the folders of `tmp_path` to all others.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        cookiecutter(make_template(folder / "starter"), folder, NAME, "--output-dir", "made")
        [made] = Path(folder, "made").iterdir()
        link_venv(made)
        yield made


def test_a_project_is_small(project: Path) -> None:
    """Its owner wanted a log-in, and reads what is theirs: tests are counted too."""
    python = [name for name in git(project, "ls-files").splitlines() if name.endswith(".py")]
    texts = [(project / name).read_text("utf-8") for name in python]

    assert len(python) <= MOST_FILES
    assert sum(map(code_lines, texts)) <= MOST_LINES


def test_the_suite_of_a_project_passes_after_its_owners_edits(project: Path) -> None:
    """A long page with pandas, a sleep and a print; a constant; a public page; a dependency."""
    scatter(project, {"views/report.py": PAGE, "views/about.py": PAGE.replace("Report", "About")})
    insert(project / "app.py", "    private=[\n", '        st.Page("views/report.py"),\n')
    insert(project / "app.py", "    public=[\n", '        st.Page("views/about.py"),\n')
    insert(project / "settings.py", "\n\n", "LARGEST_REPORT = 12_000\n")
    insert(project / "requirements.txt", "\n", "pandas\n")

    before = work_of_children()
    ended = subprocess.run(
        [sys.executable, "dev.py", "test", "--numprocesses=1"],
        cwd=project,
        env={**os.environ, "CHROMIUM": chromium(), "CI": "true"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " passed" in ended.stdout
    assert work_of_children() - before < SECONDS


def work_of_children() -> float:
    """Return the seconds of processor time that all processes started here have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def insert(file: Path, after: str, text: str) -> None:
    """Put *text* behind the first *after* in *file*."""
    before, found, rest = file.read_text("utf-8").partition(after)
    assert found
    file.write_text(before + found + text + rest, "utf-8")
