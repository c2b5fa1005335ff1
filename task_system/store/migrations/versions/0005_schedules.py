"""Rules that submit tasks, and what became of each of their ticks."""

import sqlalchemy as sa
from alembic import op

from task_system.store.types import Json, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("task_type", sa.String(64), nullable=False),
        sa.Column("parameters", Json, nullable=False),
        sa.Column("priority", sa.String(8), nullable=False),
        sa.Column("cron", sa.String(200)),
        sa.Column("every_s", sa.Float),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("jitter_s", sa.Float, nullable=False),
        sa.Column("starts_at", UtcDateTime()),
        sa.Column("ends_at", UtcDateTime()),
        sa.Column("overlap", sa.String(16), nullable=False),
        sa.Column("catch_up", sa.String(8), nullable=False),
        sa.Column("catch_up_max", sa.Integer, nullable=False),
        sa.Column("pause_after_failures", sa.Integer),
        sa.Column("failures_since", UtcDateTime(), nullable=False),
        sa.Column("paused", sa.Boolean, nullable=False),
        sa.Column("pause_reason", sa.Text),
        sa.Column("declared", sa.Boolean, nullable=False),
        sa.Column("next_fire_at", UtcDateTime()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="schedules_pkey"),
        sa.UniqueConstraint("name", name="schedules_name"),
    )
    to_fire = sa.text("next_fire_at IS NOT NULL")
    op.create_index("schedules_due", "schedules", ["next_fire_at"], postgresql_where=to_fire, sqlite_where=to_fire)
    op.create_table(
        "schedule_ticks",
        sa.Column("schedule_id", sa.Uuid(), nullable=False),
        sa.Column("fire_at", UtcDateTime(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("task_id", sa.Uuid()),
        sa.Column("detail", sa.Text),
        sa.Column("settled_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("schedule_id", "fire_at", name="schedule_ticks_pkey"),
    )


def downgrade() -> None:
    op.drop_table("schedule_ticks")
    op.drop_table("schedules")
