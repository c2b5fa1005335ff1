"""Which failures are the same. The indexes have entries for failures alone."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_INDEXES = {"tasks_failure": ["failure", "id"], "tasks_failures": ["failure", "finished_at", "retried_as"]}


def upgrade() -> None:
    op.add_column("tasks", sa.Column("failure", sa.String(16)))
    failed = sa.text("failure IS NOT NULL")
    for name, columns in _INDEXES.items():
        op.create_index(name, "tasks", columns, postgresql_where=failed, sqlite_where=failed)


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, "tasks")
    op.drop_column("tasks", "failure")
