"""What handlers log, and when progress was last said."""

import sqlalchemy as sa
from alembic import op

from task_system.store.types import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tasks", sa.Column("progress_at", UtcDateTime()))
    op.create_table(
        "task_logs",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("dropped", sa.Integer, nullable=False),
        sa.Column("lines", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("task_id", "attempt", "part", name="task_logs_pkey"),
        postgresql_partition_by="RANGE (task_id)",
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE task_logs_default PARTITION OF task_logs DEFAULT")


def downgrade() -> None:
    op.drop_table("task_logs")
    op.drop_column("tasks", "progress_at")
