"""`--quick` leaves out what takes long, and says so."""

import subprocess
import sys

import pytest

from settings import ROOT


@pytest.mark.slow
@pytest.mark.parametrize("how", ["--collect-only", "--numprocesses=2"])
def test_a_quick_run_says_what_it_left_out(how: str) -> None:
    """CF-3: so that the quick result is never mistaken for the full one."""
    places = ("tests/unit/test_migrate.py", "tests/test_migrations.py")

    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "--quick", how, *places],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "[postgresql]" not in ended.stdout
    said = ended.stdout.partition("left out by --quick")[2]
    assert "over HTTP (tests/http)" in said
    assert "on PostgreSQL" in said and "marked slow" in said
    assert "The whole suite is: python3 dev.py test" in said
