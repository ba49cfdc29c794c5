"""Bring the database up to date: `python -m db.migrate`, and at each start of the app."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.engine import Database

ROOT = Path(__file__).parent.parent
VERSIONS = ROOT / "migrations" / "versions"
LOCK = 0x5AFE_C0DE  # any number, as long as every process takes the same


def migrate(database: Database) -> None:
    """Upgrade *database* to the newest migration; safe when several processes start at once.

    The whole upgrade is one transaction under one lock: the second process waits, then finds
    nothing left to do. Where there is nothing to do Alembic is not even imported: that would be
    a third of the app's start.
    """
    if _revision(database) == newest():
        return
    from alembic import command
    from alembic.config import Config

    config = Config(toml_file=ROOT / "pyproject.toml")
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def newest() -> str:
    """Return the newest revision: the last file's number (a test has Alembic agree)."""
    return max(file.name for file in VERSIONS.glob("[0-9]*.py")).partition("_")[0]


def _revision(database: Database) -> str | None:
    """Return the revision that *database* is at; None for one that was never migrated."""
    try:
        with database.read() as connection:
            revision: str | None = connection.scalar(
                text("SELECT version_num FROM alembic_version")
            )
            return revision
    except DBAPIError:  # no such table; or no database at all, and the upgrade will say so
        return None


if __name__ == "__main__":
    from settings import load_settings

    migrate(Database(load_settings().database_url))
