"""The quick check at startup, and the operator's message when it fails."""

import os
import subprocess
import sys
from contextlib import closing

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from db.engine import Database
from db.migrate import ROOT, NewerDatabase, explain, migrate, newest
from tests.fixtures import KEY
from tests.serving import HOST, free_port


def test_alembic_agrees_which_revision_is_the_newest() -> None:
    """The start compares with the last file's number, so as not to import Alembic."""
    config = Config(toml_file=ROOT / "pyproject.toml")

    assert newest() == ScriptDirectory.from_config(config).get_current_head()


@pytest.mark.slow
def test_a_start_with_nothing_to_migrate_does_not_load_alembic(sqlite_url: str) -> None:
    """The first visitor would wait for it, and for the syntax highlighter that it loads."""
    code = (
        "import sys; from web.start import service; service(); sys.exit('alembic' in sys.modules)"
    )
    env = {"DATABASE_URL": sqlite_url, "SECRET_KEY": KEY}

    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | env, check=False
    )

    assert ended.returncode == 0


def test_a_database_that_a_newer_version_has_migrated_is_refused(database_url: str) -> None:
    """CF-1: with a sentence that says what to do."""
    with closing(Database(database_url)) as database:
        with database.write() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = 'of_tomorrow'"))
        try:
            with pytest.raises(NewerDatabase) as refused:
                migrate(database)
        finally:
            with database.write() as connection:
                values = {"newest": newest()}
                connection.execute(text("UPDATE alembic_version SET version_num = :newest"), values)

    assert explain(refused.value).endswith("Update the app, or restore a backup from before.")


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
