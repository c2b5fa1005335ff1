"""The memory of workers, and an index of the attempts that were lost with theirs: it has no entry for any other."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("workers", sa.Column("rss_mb", sa.Float))
    lost = sa.text("outcome = 'lost'")
    op.create_index("attempts_lost", "attempts", ["worker"], postgresql_where=lost, sqlite_where=lost)


def downgrade() -> None:
    op.drop_index("attempts_lost", "attempts")
    op.drop_column("workers", "rss_mb")
