"""The migrations: the same tables as the models, up and down, on SQLite and on PostgreSQL."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from db.engine import Database
from db.migrate import ROOT, migrate
from db.models import Base


def tables(database: Database) -> set[str]:
    """Return which tables there are, without Alembic's own."""
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    """DB-6: nothing that a new migration would have to add."""
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_every_migration_can_be_taken_back(database: Database) -> None:
    """DB-6: down to nothing and up again."""
    before = tables(database)
    config = Config(toml_file=ROOT / "pyproject.toml")

    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert tables(database) == set()
    migrate(database)

    assert tables(database) == before
