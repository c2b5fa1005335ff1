"""Files: what callers upload, what tasks make, and large results."""

import sqlalchemy as sa
from alembic import op

from task_system.store.types import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("namespace", sa.String(64), nullable=False, server_default="default"),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content_type", sa.String(127), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime()),
        sa.Column("task_id", sa.Uuid()),
        sa.Column("attempt", sa.Integer),
        sa.PrimaryKeyConstraint("id", name="files_pkey"),
        sa.CheckConstraint("(task_id IS NULL) = (attempt IS NULL)", name="files_made_by_an_attempt"),
    )
    for name, columns, condition in (
        ("files_task", ["task_id", "id"], "task_id IS NOT NULL"),
        ("files_expiry", ["expires_at"], "expires_at IS NOT NULL"),
        ("files_listed", ["id"], "kind = 'file'"),
    ):
        where = sa.text(condition)
        op.create_index(name, "files", columns, postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    op.drop_table("files")
