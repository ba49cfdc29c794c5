"""What `python3 dev.py test` is under CI: the template's tests, then everybody's in a project."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.template.making import link_venv, make_template, remove, scatter

HERE = 'from pathlib import Path\ndef test_it(): assert Path("hooks").exists() == {}\n'
PASSED = "1 passed"
QUICK = {"CHROMIUM": sys.executable, "PYTEST_ADDOPTS": "--numprocesses=0"}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template with two tests: one for where it was made, and one for where it is used."""
    folder = make_template(tmp_path / "starter")
    kept = [folder / "tests/template" / name for name in ("__init__", "__main__", "making")]
    for file in (folder / "tests").rglob("*.py"):
        if file.with_suffix("") not in kept and file.name != "__init__.py":
            file.unlink()
    names = (f"requirements{kind}.{end}" for kind in ("", "-dev") for end in ("txt", "lock"))
    scatter(folder, dict.fromkeys(names, ""))
    scatter(folder, {"tests/template/test_here.py": HERE.format(True)})
    scatter(folder, {"tests/unit/test_there.py": HERE.format(False)})
    link_venv(folder)
    remove(folder, ".git")
    return folder


def run(template: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the suite as a developer does, or as CI does."""
    inherited = {name: os.environ[name] for name in os.environ if name != "CI"}
    return subprocess.run(
        [sys.executable, "dev.py", "test", *arguments],
        cwd=template,
        env=inherited | QUICK | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_under_ci_the_suite_runs_in_a_project(template: Path) -> None:
    """Each test runs once, where it belongs, and the last line is pytest's own."""
    ended = run(template, CI="true")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count(PASSED) == 2
    assert PASSED in ended.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("failing", "sessions"), [("tests/template/test_here.py", 1), ("tests/unit/test_there.py", 2)]
)
def test_a_failure_on_either_side_fails_it(template: Path, failing: str, sessions: int) -> None:
    """The exit code is pytest's, and so is the last line: the failure is what is read there."""
    scatter(template, {failing: "def test_it(): assert False\n"})

    ended = run(template, CI="true")

    assert ended.returncode == 1
    assert "1 failed" in ended.stdout.splitlines()[-1]
    assert ended.stdout.count("test session starts") == sessions


def test_a_part_of_it_runs_here(template: Path) -> None:
    """Arguments go to pytest as they are."""
    ended = run(template, "tests/template", CI="true")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.count(PASSED) == 1


def test_a_developer_runs_everything_here(template: Path) -> None:
    """The test that only passes in a project shows where it was run."""
    ended = run(template)

    assert ended.returncode == 1
    assert "1 failed, 1 passed" in ended.stdout.splitlines()[-1]
