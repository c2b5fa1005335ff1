"""Which schema this code needs, without loading Alembic."""

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from task_system.store.database import Database

#: The newest migration. A test holds it against the migrations' folder.
REVISION = "0015"


def revision_of(database: Database) -> str | None:
    """The revision that the database is at; None where `migrate` never ran. Raises StoreUnavailable."""
    with database.read() as connection:
        try:
            revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return None if revision is None else str(revision)
        except DBAPIError:
            return None
