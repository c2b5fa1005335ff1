"""What is published and waits, in the order of ids; what is parked, in the lists' indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_PUBLISHED = "state IN ('PENDING', 'RETRY') AND published_at IS NOT NULL"
_PARKED = "state IN ('PENDING', 'RETRY') AND relay_at IS NULL AND published_at IS NULL"
_UNSUCCESSFUL = "state IN ('CANCELLED', 'EXPIRED', 'FAILURE', 'RETRY')"
_LISTED = (
    f"({_UNSUCCESSFUL} OR state = 'PENDING' AND published_at IS NULL AND (run_at > created_at OR relay_at IS NULL))"
)
_LISTED_BEFORE = f"({_UNSUCCESSFUL} OR state = 'PENDING' AND run_at > created_at)"
_TYPED = f"(finished_at IS NOT NULL OR run_at > created_at OR {_PARKED})"
_TYPED_BEFORE = "finished_at IS NOT NULL OR run_at > created_at"


def _index(name: str, columns: list[str], where: str) -> None:
    op.drop_index(name, "tasks")
    op.create_index(name, "tasks", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def upgrade() -> None:
    _index("tasks_published", ["queue", "state", "id", "published_at"], _PUBLISHED)
    _index("tasks_state", ["state", "id"], _LISTED)
    if op.get_bind().dialect.name == "postgresql":
        _index("tasks_type", ["task_type", "id"], _TYPED)


def downgrade() -> None:
    _index("tasks_published", ["queue", "published_at"], _PUBLISHED)
    _index("tasks_state", ["state", "id"], _LISTED_BEFORE)
    if op.get_bind().dialect.name == "postgresql":
        _index("tasks_type", ["task_type", "id"], _TYPED_BEFORE)
