"""The quick check at startup, and the operator's message when it fails."""

import os
import subprocess
import sys

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from db.migrate import ROOT, newest
from tests.fixtures import KEY
from tests.serving import HOST, free_port


def test_alembic_agrees_which_revision_is_the_newest() -> None:
    """The start compares with the last file's number, so as not to import Alembic."""
    config = Config(toml_file=ROOT / "pyproject.toml")

    assert newest() == ScriptDirectory.from_config(config).get_current_head()


@pytest.mark.slow
@pytest.mark.parametrize("command", [("db.migrate",), ("auth", "purge")], ids=" ".join)
@pytest.mark.parametrize("url", ["postgresql://ada:hunter2@{}/app", "sqlite:////dev/null/app.db"])
def test_a_database_that_cannot_be_opened_is_told_in_one_sentence(
    command: tuple[str, ...], url: str
) -> None:
    """CF-1, LG-2: with the fix, without a traceback, and without the password."""
    env = {"DATABASE_URL": url.format(f"{HOST}:{free_port()}"), "SECRET_KEY": KEY}

    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=os.environ | env,
        capture_output=True,
        text=True,
        check=False,
    )

    [sentence] = ended.stderr.splitlines()
    assert ended.returncode == 1
    assert sentence.removeprefix("Error: ").startswith("The database cannot be used (")
    assert "DATABASE_URL" in sentence
    assert "hunter2" not in ended.stdout + ended.stderr
