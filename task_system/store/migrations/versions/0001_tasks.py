"""Tasks, their attempts, who is alive and who leads."""

import sqlalchemy as sa
from alembic import op

from task_system.store.types import Json, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _tasks()
    _attempts()
    op.create_table(
        "workers",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("pool", sa.String(16)),
        sa.Column("slots", sa.Integer),
        sa.Column("prefetch", sa.Integer),
        sa.Column("lanes", Json, nullable=False),
        sa.Column("running", sa.Integer, nullable=False, server_default="0"),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("heartbeat_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="workers_pkey"),
    )
    op.create_table(
        "leaders",
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("holder", sa.String(255), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("role", name="leaders_pkey"),
    )


def _tasks() -> None:
    live = "'PENDING', 'RETRY', 'STARTED'"
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("namespace", sa.String(64), nullable=False, server_default="default"),
        sa.Column("task_type", sa.String(64), nullable=False),
        sa.Column("queue", sa.String(128), nullable=False),
        sa.Column("priority", sa.String(8), nullable=False),
        sa.Column("state", sa.String(10), nullable=False, server_default="PENDING"),
        sa.Column("parameters", Json, nullable=False),
        sa.Column("max_attempts", sa.Integer, nullable=False),
        sa.Column("timeout_s", sa.Float, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("run_at", UtcDateTime(), nullable=False),
        sa.Column("dispatch_no", sa.Integer, nullable=False, server_default="1"),
        sa.Column("relay_at", UtcDateTime()),
        sa.Column("published_at", UtcDateTime()),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("uncharged_attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lost_leases", sa.Integer, nullable=False, server_default="0"),
        sa.Column("lease_token", sa.Uuid()),
        sa.Column("lease_until", UtcDateTime()),
        sa.Column("worker", sa.String(255)),
        sa.Column("started_at", UtcDateTime()),
        sa.Column("finished_at", UtcDateTime()),
        sa.Column("cancel_requested_at", UtcDateTime()),
        sa.Column("progress_percent", sa.Float),
        sa.Column("progress_message", sa.Text),
        sa.Column("progress_fields", Json),
        sa.Column("result", sa.Text),
        sa.Column("error_type", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("error_traceback", sa.Text),
        sa.PrimaryKeyConstraint("id", name="tasks_pkey"),
        sa.CheckConstraint("(state = 'STARTED') = (lease_token IS NOT NULL)", name="tasks_started_has_lease"),
        sa.CheckConstraint(f"(finished_at IS NULL) = (state IN ({live}))", name="tasks_finished_is_terminal"),
        postgresql_partition_by="RANGE (id)",
    )
    _partial_index("tasks_relay", ["priority", "relay_at"], "relay_at IS NOT NULL")
    _partial_index("tasks_lease", ["lease_until"], "state = 'STARTED'")
    _partial_index(
        "tasks_published", ["queue", "published_at"], "state IN ('PENDING', 'RETRY') AND published_at IS NOT NULL"
    )
    _default_partition("tasks")


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("worker", sa.String(255)),
        sa.Column("started_at", UtcDateTime()),
        sa.Column("finished_at", UtcDateTime(), nullable=False),
        sa.Column("error_type", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("error_traceback", sa.Text),
        sa.PrimaryKeyConstraint("task_id", "attempt", name="attempts_pkey"),
        postgresql_partition_by="RANGE (task_id)",
    )
    _default_partition("attempts")


def _partial_index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "tasks", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def _default_partition(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")


def downgrade() -> None:
    for table in ("leaders", "workers", "attempts", "tasks"):
        op.drop_table(table)
