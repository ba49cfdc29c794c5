"""Account life: verified addresses, links in mails, counters, and the record of what happened."""

import sqlalchemy as sa
from alembic import op

from db.types import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Whoever writes to the table can only add; blanking where an event came from is forgetting.
BLANKING = """NEW.id = OLD.id AND NEW.at = OLD.at AND NEW.event = OLD.event
    AND NEW.user_id IS NOT DISTINCT FROM OLD.user_id
    AND NEW.session IS NOT DISTINCT FROM OLD.session
    AND NEW.address = '' AND NEW.agent = ''"""
TRIGGER = {
    "sqlite": [
        f"""CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit
        WHEN NOT ({BLANKING.replace("IS NOT DISTINCT FROM", "IS")})
        BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"""
    ],
    "postgresql": [
        """CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$""",
        f"""CREATE TRIGGER audit_is_append_only BEFORE UPDATE ON audit FOR EACH ROW
        WHEN (NOT ({BLANKING})) EXECUTE FUNCTION audit_is_append_only()""",
    ],
}


def upgrade() -> None:
    # Not in a batch: SQLite would make the table anew, and dropping the old one ends all sessions.
    op.add_column("users", sa.Column("verified_at", UtcDateTime(), nullable=True))
    op.add_column("users", sa.Column("failures", sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "email_tokens",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("auth_version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_email_tokens_user_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("hash", name="pk_email_tokens"),
    )
    op.create_index("ix_email_tokens_user_id", "email_tokens", ["user_id"])
    op.create_index("ix_email_tokens_expires_at", "email_tokens", ["expires_at"])
    op.create_table(
        "counters",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_counters"),
    )
    op.create_index("ix_counters_expires_at", "counters", ["expires_at"])
    op.create_table(
        "audit",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("event", sa.String(40), nullable=False),
        sa.Column("user_id", sa.String(32), nullable=True),
        sa.Column("session", sa.String(16), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_user_id_id", "audit", ["user_id", "id"])
    for statement in TRIGGER[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("audit")  # and its trigger with it
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_is_append_only()")
    op.drop_table("counters")
    op.drop_table("email_tokens")
    op.drop_column("users", "failures")
    op.drop_column("users", "verified_at")
