"""Used accounts: since when, so that those never confirmed nor used can be deleted."""

import sqlalchemy as sa
from alembic import op

from db.types import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

UNUSED = sa.text("used_at IS NULL AND verified_at IS NULL")


def upgrade() -> None:
    op.add_column("users", sa.Column("used_at", UtcDateTime(), nullable=True))
    # Nothing tells any more which of the present accounts were used: none is deleted.
    op.execute("UPDATE users SET used_at = created_at")
    op.create_index(
        "ix_users_unused",
        "users",
        ["created_at"],
        sqlite_where=UNUSED,
        postgresql_where=UNUSED,
    )


def downgrade() -> None:
    op.drop_index("ix_users_unused", "users")
    op.drop_column("users", "used_at")
