"""The engine: every connection prepared, every write a transaction, every time in UTC."""

import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Barrier, Thread

import pytest
from sqlalchemy import event, insert, make_url, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from db.engine import Database, is_lock_wait
from db.models import Session, User, utc_now
from tests.fixtures import NOON, Postgres


def a_user(**changes: object) -> dict[str, object]:
    """Return the columns of a user."""
    return {
        "id": "u1",
        "email": "Ada@example.com",
        "email_key": "ada@example.com",
        "name": "Ada",
        "password_hash": None,
        "is_active": True,
        "auth_version": 1,
        "created_at": NOON,
    } | changes


def a_session(**changes: object) -> dict[str, object]:
    """Return the columns of a session of that user."""
    return {
        "id": "s1",
        "user_id": "u1",
        "auth_version": 1,
        "remembered": False,
        "created_at": NOON,
        "last_seen_at": NOON,
        "expires_at": NOON + timedelta(hours=1),
        "token_id": "t1",
        "rotated_at": NOON,
        "ip": "",
        "user_agent": "",
    } | changes


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("foreign_keys", 1), ("journal_mode", "wal"), ("busy_timeout", 15_000), ("synchronous", 1)],
)
def test_every_pooled_connection_is_prepared(
    sqlite_url: str, pragma: str, value: int | str
) -> None:
    """DB-2: SQLite forgets these with each connection."""
    database = Database(sqlite_url)

    with database.read() as one, database.read() as two, database.write() as three:
        told = {
            connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()
            for connection in (one, two, three)
        }

    assert told == {value}
    database.close()


def test_a_write_takes_its_lock_at_the_start(sqlite_url: str) -> None:
    """DB-2: a read that turns into a write could not wait for it."""
    database = Database(sqlite_url)

    with database.write(), database.read() as other:
        other.exec_driver_sql("PRAGMA busy_timeout = 0")
        with pytest.raises(DBAPIError, match="locked"):
            other.exec_driver_sql("BEGIN IMMEDIATE")
    database.close()


def test_a_read_does_not_wait_for_a_write(sqlite_url: str) -> None:
    """DB-2: pages load while a user logs in."""
    database = Database(sqlite_url)

    with database.write() as writer:
        writer.execute(insert(User).values(a_user()))
        with database.read() as reader:
            assert reader.execute(select(User.id)).all() == []
    database.close()


def test_an_error_rolls_everything_back(database: Database) -> None:
    """DB-3: a transaction is whole or did not happen."""
    with pytest.raises(RuntimeError), database.write() as connection:
        connection.execute(insert(User).values(a_user()))
        raise RuntimeError

    with database.read() as connection:
        assert connection.execute(select(User.id)).all() == []


def test_no_connection_is_kept_after_its_block(database: Database) -> None:
    """DB-3: what is borrowed from the pool goes back."""
    with database.read() as connection:
        connection.execute(text("SELECT 1"))
    with database.write() as connection:
        connection.execute(text("SELECT 1"))

    assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_a_connection_in_use_is_closed_after_its_database(database: Database) -> None:
    """A job that still runs at the end gives its connection back to a pool that is gone."""
    with database.read() as connection:
        driver = connection.connection.driver_connection
        assert driver
        database.close()

    with pytest.raises(Exception, match="closed"):
        driver.execute("SELECT 1")


@pytest.mark.parametrize(
    "broken",
    [
        a_session(user_id="unknown"),
        a_session(expires_at=NOON),
        a_session(ended_at=NOON),
        a_session(end_reason="logged_out"),
    ],
)
def test_the_database_itself_refuses_a_broken_session(
    database: Database, broken: dict[str, object]
) -> None:
    """DB-2: no orphan, no empty lifetime, no end without a reason."""
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(User).values(a_user()))
        connection.execute(insert(Session).values(broken))


@pytest.mark.parametrize(
    "broken", [a_user(id="u2"), a_user(id="u2", email_key=""), a_user(id="u2", auth_version=0)]
)
def test_the_database_itself_refuses_a_broken_user(
    database: Database, broken: dict[str, object]
) -> None:
    """DB-1: one account per email, whichever program writes."""
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(User).values(a_user()))
        connection.execute(insert(User).values(broken))


def test_a_deleted_user_takes_their_sessions_along(database: Database) -> None:
    """SE-6: no session outlives its user (GHSA-2vg6-77g8-24mp)."""
    with database.write() as connection:
        connection.execute(insert(User).values(a_user()))
        connection.execute(insert(Session).values(a_session()))
        connection.execute(text("DELETE FROM users"))

    with database.read() as connection:
        assert connection.execute(select(Session.id)).all() == []


@pytest.mark.parametrize(
    "moment",
    [NOON, NOON.replace(microsecond=123_456), NOON.astimezone(timezone(timedelta(hours=9)))],
)
def test_a_moment_comes_back_in_utc(database: Database, moment: datetime) -> None:
    """DB-4: the same instant, aware, on both databases."""
    with database.write() as connection:
        connection.execute(insert(User).values(a_user(created_at=moment)))

    with database.read() as connection:
        stored = connection.execute(select(User.created_at)).scalar_one()

    assert stored == moment
    assert stored.tzinfo is UTC


def test_a_naive_moment_is_refused(database: Database) -> None:
    """DB-4: the time zone is never guessed."""
    with pytest.raises(StatementError, match="naive"), database.write() as connection:
        connection.execute(insert(User).values(a_user(created_at=NOON.replace(tzinfo=None))))


def test_the_clock_is_aware() -> None:
    """DB-4: the default for callers that pass no clock."""
    assert utc_now().tzinfo is UTC


def test_a_new_database_file_is_its_owners_alone(tmp_path: Path) -> None:
    """CF-2: no other user of the machine can read the hashes, or the log beside the file."""
    path = tmp_path / "data" / "app.db"
    database = Database(f"sqlite:///{path}")

    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (a)")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}

    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    database.close()


def test_a_url_without_a_driver_is_opened_with_ours() -> None:
    """DB-1: postgresql:// is what hosts hand out, and it would ask for psycopg2."""
    database = Database("postgresql://ada:secret@host.invalid/app")

    assert make_url(str(database.engine.url)).drivername == "postgresql+psycopg"


def test_no_statement_is_prepared_on_a_postgresql_that_may_change_under_it(
    postgres: Postgres,
) -> None:
    """AV-5: behind PgBouncer the next statement may reach another server."""
    with postgres.empty() as url, closing(Database(url)) as database, database.read() as connection:
        for _ in range(10):  # psycopg prepares what it has seen five times
            connection.execute(text("SELECT 1"))
        prepared = connection.scalar(text("SELECT count(*) FROM pg_prepared_statements"))

    assert prepared == 0


def test_twenty_writers_wait_for_each_other(database: Database) -> None:
    """DB-3: none fails with "database is locked"."""

    def write(number: int) -> None:
        with database.write() as connection:
            connection.execute(insert(User).values(a_user(id=str(number), email_key=str(number))))

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(write, range(40)))

    with database.read() as connection:
        assert len(connection.execute(select(User.id)).all()) == 40


def test_a_writer_that_waits_for_another_holds_no_connection(sqlite_url: str) -> None:
    """DB-3: or a crowd of them would take the whole pool, and pages could not even read."""
    database, begun = Database(sqlite_url), Barrier(9)
    held: list[int] = []
    event.listen(database.engine, "checkout", lambda *_: held.append(1))

    def write() -> None:
        begun.wait()
        with database.write():
            pass

    threads = [Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    with database.write() as connection:
        begun.wait()
        for _ in range(1_000):
            connection.execute(text("SELECT 1"))
        waiting = len(held) - 1
    for thread in threads:
        thread.join()

    assert waiting == 0
    assert len(held) == 9
    database.close()


def test_a_writer_of_the_same_process_waits_no_longer_than_its_patience(sqlite_url: str) -> None:
    """DB-3: then it is refused as if the lock were held elsewhere."""
    database = Database(sqlite_url)

    with database.write(), pytest.raises(DBAPIError) as refused, database.write(patience=1):
        pass

    assert is_lock_wait(refused.value)
    database.close()
