"""Database faults at run time: a calm answer, and one log line with the cause."""

import logging
import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from auth import database_faults
from auth.errors import Unavailable
from auth.log import BoundedLog
from auth.service import AuthService
from auth.sessions import TOUCH_EVERY
from db.engine import Database
from features import FEATURES
from tests.fixtures import LAPTOP, Clock, Person, Postgres, make_settings


@pytest.fixture(autouse=True)
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The log's own clock, stopped, with nothing logged yet."""
    now = [0.0]
    monkeypatch.setattr(database_faults, "log", BoundedLog("auth.database", clock=lambda: now[0]))
    return now


@pytest.fixture
def on_sqlite(sqlite_url: str, clock: Clock) -> AuthService:
    """A service on a SQLite file, for faults that only SQLite has."""
    return AuthService(Database(sqlite_url), make_settings(), clock=clock)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the log's lines about the database."""
    return [record.getMessage() for record in caplog.records if record.name == "auth.database"]


def lock(path: str) -> sqlite3.Connection:
    """Hold the write lock of the SQLite file, as another program might."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_locked_database_is_one_line_a_minute_with_its_cause(
    on_sqlite: AuthService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    seconds: list[float],
) -> None:
    """AV-7, GD-5: ten refused log-ins are one line; the next says how many were left out."""
    other = lock(str(tmp_path / "app.db"))
    database = on_sqlite.database
    at_once = partial(database.write, patience=0)
    monkeypatch.setattr(database, "write", lambda patience: at_once())

    for _ in range(10):
        with pytest.raises(Unavailable):
            on_sqlite.log_in("ada@example.com", "a password that is typed", LAPTOP)
    first = lines(caplog)
    seconds[0] = 60.0
    with pytest.raises(Unavailable):
        on_sqlite.log_in("ada@example.com", "a password that is typed", LAPTOP)

    assert first == [
        "The database did not answer (OperationalError SQLITE_BUSY): database is locked"
    ]
    assert lines(caplog)[1:] == [f"{first[0]} (9 more like this since the last line.)"]
    other.close()


def test_a_full_disk_is_named_in_the_log(
    on_sqlite: AuthService, caplog: pytest.LogCaptureFixture
) -> None:
    """AV-7: another cause is another line, regardless of earlier ones."""
    with on_sqlite.database.read() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    with pytest.raises(Unavailable):
        for number in range(500):
            on_sqlite.sign_up(f"ada{number}@example.com", "kumquat lantern orbit")

    assert lines(caplog) == [
        "The database did not answer (OperationalError SQLITE_FULL): database or disk is full"
    ]


def test_a_lock_that_a_page_would_not_wait_for_is_no_fault(
    on_sqlite: AuthService, tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """AV-7: reading the session continues without recording its use, and logs nothing."""
    on_sqlite.sign_up("ada@example.com", "kumquat lantern orbit")
    token = on_sqlite.log_in("ada@example.com", "kumquat lantern orbit", LAPTOP).token
    clock.advance(TOUCH_EVERY)
    other = lock(str(tmp_path / "app.db"))

    user = on_sqlite.resume(token)

    assert user is not None
    assert lines(caplog) == []
    other.close()


def test_a_dropped_table_logs_neither_statement_nor_value(
    service: AuthService, ada: Person, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """AV-7, LG-2: the cause, and nothing that was typed."""
    caplog.set_level(logging.DEBUG)
    with database.write() as connection:
        connection.execute(text("ALTER TABLE users RENAME TO elsewhere"))
    try:
        with suppress(Unavailable):
            service.log_in(ada.email, ada.password, LAPTOP)
    finally:
        with database.write() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO users"))

    (line,) = lines(caplog)
    assert "users" in line
    assert "SELECT" not in caplog.text
    assert ada.email.lower() not in caplog.text.lower()
    assert ada.password not in caplog.text


def test_a_stopped_connection_is_replaced_by_the_next_read(
    postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    """AV-8: after a restart of PostgreSQL every user continues, without an error first."""
    with postgres.empty() as url:
        database = Database(url)
        service = AuthService(database, make_settings(), features=FEATURES)
        assert service.is_ready()
        with postgres.shared.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

        ready = service.is_ready()

        assert ready
        assert lines(caplog) == []
        database.close()
