"""The database engine, opened the same way for every caller, and its two uses: read and write."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

BUSY_TIMEOUT = 15_000  # milliseconds a SQLite writer waits for another before it gives up
PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT}",  # first: the next line may have to wait for a lock
    "PRAGMA journal_mode = WAL",  # readers and the one writer do not wait for each other
    # With WAL a commit survives any end of the process; a power cut may lose the last ones, but
    # never breaks the file. FULL would wait for the disk at each commit: 5 ms instead of 0.01 ms.
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",  # off unless asked for, on every connection
)
# Marks a connection that only reads. Without a BEGIN, SQLite commits each statement by itself;
# SQLAlchemy's own AUTOCOMMIT would run one more PRAGMA each time.
READS: dict[str, dict[str, Any]] = {
    "sqlite": {"only_reads": True},
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
}


class Database:
    """A database: `read` for single statements, `write` for one short transaction.

    Both are context managers that give the connection back when the block ends, so no transaction
    stays open across a bcrypt run or a script run (DB-3).
    """

    def __init__(self, url: str | URL) -> None:
        self.engine = open_engine(make_url(url))
        self._reader = self.engine.execution_options(**READS[self.engine.dialect.name])
        self._writing = Lock()

    def read(self) -> Connection:
        """Return a connection where each statement runs by itself and takes no lock.

        For a `with` block: its end gives the connection back.
        """
        return self._reader.connect()

    @contextmanager
    def write(self, patience: int = BUSY_TIMEOUT) -> Iterator[Connection]:
        """Yield a connection in a transaction: committed at the end, rolled back on an error.

        *patience* is the milliseconds to wait for another writer's lock. A write that isn't worth
        keeping a page waiting asks for less, and must expect a DBAPIError.
        """
        with (
            self._turn(patience) as left,
            self.engine.execution_options(patience=left).begin() as connection,
        ):
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {patience}")
            yield connection

    @contextmanager
    def _turn(self, patience: int) -> Iterator[int]:
        """Wait for the process's other writers of a SQLite file; yield the milliseconds left.

        SQLite itself lets a writer look for the lock again after pauses of up to 0.1 seconds, so
        that one may miss it for long, and each that waits would hold a connection of the pool.
        """
        if self.engine.dialect.name != "sqlite":
            yield patience
            return
        end = monotonic() + patience / 1_000
        is_mine = self._writing.acquire(timeout=patience / 1_000)
        try:
            yield max(round((end - monotonic()) * 1_000), 0)
        finally:
            if is_mine:
                self._writing.release()

    def close(self) -> None:
        """Close all connections: the pooled ones now, those in use when they are given back."""
        event.listen(self.engine, "checkin", _close_late)
        self.engine.dispose()


def open_engine(url: URL) -> Engine:
    """Return an engine for *url*; a SQLite file is made private to its owner first (CF-2)."""
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(url)
    if url.drivername == "postgresql":  # without a driver SQLAlchemy would ask for psycopg2
        url = url.set(drivername="postgresql+psycopg")
    # A pooler in transaction mode (PgBouncer) gives each transaction another server connection, and
    # a statement that psycopg prepared on one is unknown on the next.
    unprepared = {"prepare_threshold": None} if url.drivername == "postgresql+psycopg" else {}
    return create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=unprepared)


def _open_sqlite(url: URL) -> Engine:
    if url.database:
        path = Path(url.database)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    engine = create_engine(url, hide_parameters=True)  # not in logs either (LG-2)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediately)
    return engine


def _prepare_sqlite(connection: Any, record: object) -> None:
    """Set the PRAGMAs that SQLite keeps per connection, and leave BEGIN to us (DB-2)."""
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(pragma)


def _close_late(connection: Any, record: object) -> None:
    """Close a connection that was in use when its database was closed: no pool will do it."""
    if connection is not None:
        connection.close()


def _begin_immediately(connection: Connection) -> None:
    """Take the write lock at BEGIN: a transaction that began as a read could not wait for it."""
    options = connection.get_execution_options()
    if not options.get("only_reads"):
        patience = options.get("patience", BUSY_TIMEOUT)
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {patience}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


MAX_REASON = 200  # characters of the database's own words that a log line keeps


def kind_of_fault(fault: DBAPIError | PoolTimeout) -> str:
    """Return the kind of fault, from a small set: the database's code or the class name."""
    cause = getattr(fault, "orig", None) or fault
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None)
    return f"{type(cause).__name__} {code}" if code else type(cause).__name__


def reason_of_fault(fault: DBAPIError | PoolTimeout) -> str:
    """Return the database's message, for the log.

    Only the first line: PostgreSQL puts a row's values into the following ones.
    """
    cause = getattr(fault, "orig", None) or fault
    lines = str(cause).strip().splitlines() or [""]
    return lines[0][:MAX_REASON]


def is_lock_wait(fault: DBAPIError | PoolTimeout) -> bool:
    """Return whether another writer held the lock for longer than the caller's patience."""
    cause = getattr(fault, "orig", None)
    busy = str(getattr(cause, "sqlite_errorname", "")).startswith("SQLITE_BUSY")
    return busy or getattr(cause, "sqlstate", None) == "55P03"  # lock_not_available
