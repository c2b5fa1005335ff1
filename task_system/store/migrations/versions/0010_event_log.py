"""The event log: what became of tasks, by transaction."""

import sqlalchemy as sa
from alembic import op

from task_system.store.types import TransactionId, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "event_batches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), autoincrement=True, nullable=False),
        sa.Column("xid", TransactionId().with_variant(sa.Integer, "sqlite")),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="event_batches_pkey"),
        sqlite_autoincrement=True,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("event_batches_xid", "event_batches", ["xid"])


def downgrade() -> None:
    op.drop_table("event_batches")
