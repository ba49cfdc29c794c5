"""Bring the database up to date: `python -m db.migrate`, and at each start of the app."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from db.engine import Database

ROOT = Path(__file__).parent.parent
LOCK = 0x5AFE_C0DE  # any number, as long as every process takes the same


def migrate(database: Database) -> None:
    """Upgrade *database* to the newest migration; safe when several processes start at once.

    The whole upgrade is one transaction under one lock: the second process waits, then finds
    nothing left to do.
    """
    config = Config(toml_file=ROOT / "pyproject.toml")
    newest = ScriptDirectory.from_config(config).get_current_head()
    with database.read() as connection:
        if _revision(connection) == newest:
            return
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


if __name__ == "__main__":
    from settings import SettingsError, load_settings

    try:
        migrate(Database(load_settings().database_url))
    except SettingsError as fault:
        raise SystemExit(str(fault)) from None
