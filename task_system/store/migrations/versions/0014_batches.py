"""Tasks that were submitted together, and what is to be submitted when all of them are over."""

import sqlalchemy as sa
from alembic import op

from task_system.store.types import Json, UtcDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("open_until", UtcDateTime()),
        sa.Column("callback", Json),
        sa.Column("callback_task_id", sa.Uuid()),
        sa.Column("callback_error", sa.Text),
        sa.Column("finished_at", UtcDateTime()),
        sa.Column("counts", Json),
        sa.PrimaryKeyConstraint("id", name="batches_pkey"),
    )
    unfinished = sa.text("finished_at IS NULL")
    op.create_index("batches_unfinished", "batches", ["id"], postgresql_where=unfinished, sqlite_where=unfinished)
    live = sa.text("batch_id IS NOT NULL AND finished_at IS NULL")
    op.create_index("tasks_batch_live", "tasks", ["batch_id"], postgresql_where=live, sqlite_where=live)


def downgrade() -> None:
    op.drop_index("tasks_batch_live", "tasks")
    op.drop_table("batches")
