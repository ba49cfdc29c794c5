"""Alembic's access to the database: over a given connection, or by the settings' URL."""

from alembic import context
from sqlalchemy import Connection

from db.engine import Database
from db.models import Base
from features import FEATURES

assert FEATURES is not None  # noqa: S101  their import adds their tables to the metadata


def run(connection: Connection) -> None:
    """Run the migrations inside the transaction that *connection* already holds."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    context.run_migrations()


handed_down: Connection | None = context.config.attributes.get("connection")
if handed_down is not None:
    run(handed_down)
else:  # the `alembic` command
    from settings import load_settings

    with Database(load_settings().database_url).write() as own:
        run(own)
