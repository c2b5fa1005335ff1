"""Acts on everything that a filter matched, and what is still to be acted on."""

import sqlalchemy as sa
from alembic import op

from task_system.store.types import Json, UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bulks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.String(8), nullable=False),
        sa.Column("filter", Json, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("frozen_to", sa.Uuid(), nullable=False),
        sa.Column("matching", sa.Integer, nullable=False, server_default="0"),
        sa.Column("succeeded", sa.Integer, nullable=False, server_default="0"),
        sa.Column("skipped", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("errors", Json, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime()),
        sa.Column("turn_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="bulks_pkey"),
    )
    at_work = sa.text("finished_at IS NULL")
    op.create_index("bulks_at_work", "bulks", ["turn_at"], postgresql_where=at_work, sqlite_where=at_work)
    op.create_table(
        "bulk_items",
        sa.Column("bulk_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("bulk_id", "task_id", name="bulk_items_pkey"),
    )


def downgrade() -> None:
    op.drop_table("bulk_items")
    op.drop_table("bulks")
