"""Bring the database up to date: `python -m db.migrate`, and at each start of the app."""

import re
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from db.engine import Database

ROOT = Path(__file__).parent.parent
VERSIONS = ROOT / "migrations" / "versions"
LOCK = 0x5AFE_C0DE  # any number, as long as every process takes the same


class CannotMigrate(Exception):
    """The migrations here don't fit the database, or each other; the text says what to do."""


def migrate(database: Database) -> None:
    """Upgrade *database* to the newest migration; safe when several processes start at once.

    The whole upgrade is one transaction under one lock: a second process waits, then finds nothing
    left to do. Alembic is imported only if there is work, since importing it would take a third of
    the app's startup. Raises CannotMigrate, or what opening the database raises: OperationalError,
    or OSError.
    """
    revision = _revision(database)
    if revision == newest():
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config(toml_file=ROOT / "pyproject.toml")
    with database.write() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as fault:
            raise CannotMigrate(
                f"it is at migration {revision}, which migrations/versions does not have: a newer "
                "version of this app has migrated it, or another branch. "
                "Update the app, or restore a backup from before."
            ) from fault


def newest() -> str:
    """Return the revision that no other builds on, as Alembic's ScriptDirectory would find it.

    Raises CannotMigrate if there are several.
    """
    texts = "\n".join(file.read_text("utf-8") for file in VERSIONS.glob("*.py"))
    made, built_upon = (  # one that joins several builds on each of them
        {
            revision
            for line in re.findall(rf"^{name} = (.+)", texts, re.MULTILINE)
            for revision in re.findall(r"""["'](\w+)["']""", line)
        }
        for name in ("revision", "down_revision")
    )
    heads: list[str] = sorted(made - built_upon)
    if len(heads) > 1:
        raise CannotMigrate(
            f"no migration builds on {' or on '.join(heads)}, and only one may be the "
            "last. To join them, run `.venv/bin/python -m alembic merge heads -m Join`, and start "
            "again."
        )
    return heads[0]


def _revision(database: Database) -> str | None:
    """Return the revision of *database*, or None if it was never migrated."""
    try:
        with database.read() as connection:
            revision: str | None = connection.scalar(
                text("SELECT version_num FROM alembic_version")
            )
            return revision
    except DBAPIError:  # no such table; or no database at all, and the upgrade will say so
        return None


def explain(fault: Exception) -> str:
    """Return one sentence about *fault* for the operator, without any URL or password.

    *fault* is one that `migrate` raises.
    """
    if isinstance(fault, CannotMigrate):
        return f"The database cannot be used: {fault}"
    cause = fault.orig if isinstance(fault, DBAPIError) and fault.orig else fault
    said = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)
    reason = said.partition("\n")[0].strip().rstrip(".:")
    return (
        f"The database cannot be used ({reason}): check that it runs, that DATABASE_URL names it, "
        "and that this app may open it."
    )


if __name__ == "__main__":
    from settings import SettingsError, load_settings

    try:
        migrate(Database(load_settings().database_url))
    except SettingsError as fault:
        raise SystemExit(str(fault)) from None
    except (OperationalError, CannotMigrate, OSError) as fault:
        raise SystemExit(explain(fault)) from None
