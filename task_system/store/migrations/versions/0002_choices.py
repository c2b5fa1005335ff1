"""What a caller may say of a task beyond what to run: tags, metadata, expiry; and where it came from and went to."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from task_system.store.types import Json, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COLUMNS: dict[str, Any] = {
    "tags": Json,
    "metadata": Json,
    "expires_at": UtcDateTime(),
    "retry_of": sa.Uuid(),
    "retried_as": sa.Uuid(),
    "batch_id": sa.Uuid(),
    "schedule_id": sa.Uuid(),
    "cancel_reason": sa.Text(),
}
_INDEXES = {
    "tasks_expiry": ("expires_at", "state IN ('PENDING', 'RETRY') AND expires_at IS NOT NULL"),
    "tasks_cancelling": ("worker", "state = 'STARTED' AND cancel_requested_at IS NOT NULL"),
    "tasks_batch": ("batch_id", "batch_id IS NOT NULL"),
}


def upgrade() -> None:
    for name, kind in _COLUMNS.items():
        op.add_column("tasks", sa.Column(name, kind))
    for name, (column, where) in _INDEXES.items():
        op.create_index(name, "tasks", [column], postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, "tasks")
    for name in reversed(_COLUMNS):
        op.drop_column("tasks", name)
