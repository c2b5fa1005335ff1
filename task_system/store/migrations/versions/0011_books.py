"""Rollups and the ledger, which the event log adds up to, and how far they have come."""

import sqlalchemy as sa
from alembic import op

from task_system.store.types import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_ENDS = ("succeeded", "failed", "cancelled", "expired")


def _counts(*names: str) -> list["sa.Column[int]"]:
    return [sa.Column(name, sa.Integer, nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "rollups",
        sa.Column("step_s", sa.Integer, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("task_type", sa.String(64), nullable=False),
        sa.Column("queue", sa.String(128), nullable=False),
        *_counts("accepted", *_ENDS, "retried", "removed"),
        sa.Column("wait_ms", sa.Text, nullable=False),
        sa.Column("run_ms", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("step_s", "at", "task_type", "queue", name="rollups_pkey"),
    )
    op.create_table(
        "ledger",
        sa.Column("minute", UtcDateTime(), nullable=False),
        *_counts("accepted", *_ENDS, "removed"),
        sa.PrimaryKeyConstraint("minute", name="ledger_pkey"),
    )
    op.create_table(
        "books",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("cursor", sa.Text, nullable=False),
        sa.Column("as_of", UtcDateTime(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="books_pkey"),
    )


def downgrade() -> None:
    for table in ("books", "ledger", "rollups"):
        op.drop_table(table)
