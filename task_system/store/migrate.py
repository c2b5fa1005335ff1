"""Bringing a database to today's schema. Only `migrate`, the embedded start and tests import this: Alembic is heavy."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, func, select, text

from task_system.store import partitions
from task_system.store.database import Database

#: "task-system" in ASCII, folded to 31 bits: several `migrate`s at once go one after the other.
_LOCK = 0x7461736B


def upgrade(database: Database, revision: str = "head") -> None:
    """Apply what is missing, in one transaction; several at once wait for each other. Raises StoreUnavailable."""
    with database.write() as connection:
        if database.is_postgresql:
            connection.execute(text("SET LOCAL lock_timeout = '60s'"))
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        command.upgrade(_config(connection), revision)
        if database.is_postgresql:
            partitions.ensure(connection, connection.execute(select(func.now())).scalar_one())


def downgrade(database: Database, revision: str) -> None:
    """Take back migrations down to a revision (`base`: all of them, with all data)."""
    with database.write() as connection:
        command.downgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
