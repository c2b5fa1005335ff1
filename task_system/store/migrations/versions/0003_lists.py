"""Indexes for lists, in the order of ids. Only the one by type has an entry for a task that simply succeeds."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_STATES = "(state IN ('CANCELLED', 'EXPIRED', 'FAILURE', 'RETRY') OR state = 'PENDING' AND run_at > created_at)"
_INDEXES = {
    "tasks_state": (["state", "id"], _STATES),
    "tasks_error": (["id"], "error_type IS NOT NULL"),
    "tasks_batch": (["batch_id", "id"], "batch_id IS NOT NULL"),
    "tasks_schedule": (["schedule_id", "id"], "schedule_id IS NOT NULL"),
}


def upgrade() -> None:
    op.drop_index("tasks_batch", "tasks")
    for name, (columns, where) in _INDEXES.items():
        op.create_index(name, "tasks", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
    if op.get_bind().dialect.name == "postgresql":
        settled = sa.text("finished_at IS NOT NULL OR run_at > created_at")
        op.create_index("tasks_type", "tasks", ["task_type", "id"], postgresql_where=settled)
        op.create_index(
            "tasks_tags",
            "tasks",
            ["tags"],
            postgresql_using="gin",
            postgresql_ops={"tags": "jsonb_path_ops"},
            postgresql_where=sa.text("tags IS NOT NULL"),
        )
    else:
        op.create_index("tasks_tagged", "tasks", ["id"], sqlite_where=sa.text("tags IS NOT NULL"))


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for name in (*_INDEXES, *(("tasks_type", "tasks_tags") if postgresql else ("tasks_tagged",))):
        op.drop_index(name, "tasks")
    where = sa.text("batch_id IS NOT NULL")
    op.create_index("tasks_batch", "tasks", ["batch_id"], postgresql_where=where, sqlite_where=where)
