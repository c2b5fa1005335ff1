"""Queues that stand still, task types that are held or refused, and an index of what waits behind them."""

import sqlalchemy as sa
from alembic import op

from task_system.store.types import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_PARKED = "state IN ('PENDING', 'RETRY') AND relay_at IS NULL AND published_at IS NULL"


def upgrade() -> None:
    op.create_table(
        "queue_controls",
        sa.Column("queue", sa.String(128), nullable=False),
        sa.Column("until", UtcDateTime()),
        sa.Column("reason", sa.Text),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("queue", name="queue_controls_pkey"),
    )
    op.create_table(
        "task_type_controls",
        sa.Column("task_type", sa.String(64), nullable=False),
        sa.Column("control", sa.String(8), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("task_type", name="task_type_controls_pkey"),
    )
    parked = sa.text(_PARKED)
    op.create_index("tasks_parked", "tasks", ["queue", "task_type"], postgresql_where=parked, sqlite_where=parked)


def downgrade() -> None:
    op.drop_index("tasks_parked", "tasks")
    op.drop_table("task_type_controls")
    op.drop_table("queue_controls")
