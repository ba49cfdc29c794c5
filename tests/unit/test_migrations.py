"""Migrations: repeated, failing, and by several processes at once."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import inspect, text

from db.engine import Database
from db.migrate import LOCK, ROOT, migrate
from db.models import Base
from tests.fixtures import KEY, Postgres
from tests.serving import wait_until

TABLES = set(Base.metadata.tables)


def tables(database: Database) -> set[str]:
    """Return the tables, without Alembic's own."""
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def test_migrating_again_changes_nothing(database: Database) -> None:
    """DB-6: every start of the app does it."""
    migrate(database)

    assert tables(database) == TABLES


def test_a_migration_that_fails_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DB-3: the whole upgrade is one transaction."""
    database = Database(f"sqlite:///{tmp_path}/app.db")

    def fail(config: Config, revision: str) -> None:
        config.attributes["connection"].exec_driver_sql("CREATE TABLE half (a)")
        raise RuntimeError

    monkeypatch.setattr(command, "upgrade", fail)
    with pytest.raises(RuntimeError):
        migrate(database)

    assert tables(database) == set()
    database.close()


def start_three(url: str) -> list[subprocess.Popen[bytes]]:
    """Migrate *url* from three processes at once."""
    env = os.environ | {"DATABASE_URL": url, "SECRET_KEY": KEY, "APP_ENV": "development"}
    command = [sys.executable, "-m", "db.migrate"]
    return [subprocess.Popen(command, cwd=ROOT, env=env) for _ in range(3)]


@pytest.mark.slow
def test_three_processes_start_on_a_new_file(tmp_path: Path) -> None:
    """DB-6: one migrates, two wait and find nothing left to do."""
    url = f"sqlite:///{tmp_path}/app.db"

    processes = start_three(url)

    assert [process.wait(timeout=60) for process in processes] == [0] * 3
    database = Database(url)
    assert tables(database) == TABLES
    database.close()


def test_three_processes_start_on_a_new_postgresql(postgres: Postgres) -> None:
    """DB-6: the same under an advisory lock; all three have to wait for it while we hold it."""
    with postgres.copy_of("template0") as url, closing(Database(url)) as database:
        with database.write() as held:
            held.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})

            processes = start_three(url)
            wait_until(lambda: waiting(database) == 3 or ended(processes), "the three to wait", 60)

            assert not ended(processes)
            assert tables(database) == set()
        assert [process.wait(timeout=60) for process in processes] == [0] * 3
        assert tables(database) == TABLES


def waiting(database: Database) -> int:
    """Return the number of connections that wait for an advisory lock in *database*."""
    with database.read() as connection:
        count = connection.scalar(
            text(
                "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database "
                "WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
            )
        )
    return int(count or 0)


def ended(processes: list[subprocess.Popen[bytes]]) -> bool:
    """Return whether one of *processes* has ended."""
    return any(process.poll() is not None for process in processes)
