"""The quick check at startup, and the operator's message when it fails."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from db.engine import Database
from db.migrate import ROOT, CannotMigrate, explain, migrate, newest
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
            with pytest.raises(CannotMigrate) as refused:
                migrate(database)
        finally:
            with database.write() as connection:
                values = {"newest": newest()}
                connection.execute(text("UPDATE alembic_version SET version_num = :newest"), values)

    said = explain(refused.value)
    assert said.startswith("The database cannot be used: it is at migration of_tomorrow, which ")
    assert said.endswith("Update the app, or restore a backup from before.")


@pytest.fixture
def versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of migrations of a project: one from the template, one of its owner."""
    monkeypatch.setattr("db.migrate.VERSIONS", tmp_path)
    for name, built_upon in (("0001", None), ("0002", "0001"), ("a1b2", "0001")):
        (tmp_path / f"{name}.py").write_text(
            f"revision = {name!r}\ndown_revision = {built_upon!r}\n"
        )
    return tmp_path


@pytest.mark.usefixtures("versions")
def test_two_last_migrations_are_told_in_one_sentence(sqlite_url: str) -> None:
    """CF-1: an upgrade brought one, the owner wrote another, and both build on the same one."""
    with closing(Database(sqlite_url)) as database, pytest.raises(CannotMigrate) as refused:
        migrate(database)

    said = explain(refused.value)
    assert said.startswith("The database cannot be used: no migration builds on 0002 or on a1b2, ")
    assert said.endswith("run `.venv/bin/python -m alembic merge heads -m Join`, and start again.")


def test_a_migration_may_join_two(versions: Path) -> None:
    """As `alembic merge heads` writes it."""
    (versions / "join.py").write_text("revision = 'c3d4'\ndown_revision = ('0002', 'a1b2')\n")

    assert newest() == "c3d4"


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
