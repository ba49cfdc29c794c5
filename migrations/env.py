"""Alembic's access to the database: over a given connection, or by the settings' URL."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, DateTime, LargeBinary

from db.engine import Database
from db.models import Base, UtcDateTime
from features import FEATURES

assert FEATURES is not None  # noqa: S101  their import adds their tables to the metadata


def run(connection: Connection) -> None:
    """Run the migrations inside the transaction that *connection* already holds."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        render_as_batch=connection.dialect.name == "sqlite",
        render_item=render,
    )
    context.run_migrations()


def render(kind: str, item: Any, rendered: Any) -> str | Literal[False]:
    """Return how a new migration writes *item*; False leaves it to Alembic.

    A time or bytes read from a SQLite database have a type that PostgreSQL doesn't know.
    """
    if kind == "type" and isinstance(item, LargeBinary):
        return "sa.LargeBinary()"
    if kind == "type" and isinstance(item, DateTime | UtcDateTime):
        rendered.imports.add("from db.models import UtcDateTime")
        return "UtcDateTime()"
    return False


handed_down: Connection | None = context.config.attributes.get("connection")
if handed_down is not None:
    run(handed_down)
else:  # the `alembic` command
    from settings import load_settings

    with Database(load_settings().database_url).write() as own:
        run(own)
