"""Submitting something only once: a key that is there keeps the same task from being recorded again.

The constraint on the key decides, however many try at once: key and task are written in one transaction.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError

from task_system.failpoints import failpoint
from task_system.model.errors import InvalidSubmission
from task_system.model.task import NewTask, Recorded
from task_system.store.database import Database
from task_system.store.submissions import insert_rows
from task_system.store.tables import idempotency_keys as keys
from task_system.store.tables import tasks
from task_system.store.types import now_plus


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """Under which key a task is recorded only once, and for how long the key is kept, in seconds."""

    key: str
    keep_s: float
    #: Of what is submitted; None where the key says all.
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """The task that was recorded under a key before."""

    task_id: UUID
    fingerprint: str | None


class Idempotency:
    """Safe to ask from any number of processes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def existing(self, row: NewTask, once: Once) -> Existing | None:
        """What was recorded under that key, instead of this row. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return _existing(connection, row, once, keys.c.expires_at > now_plus(0))

    def record(self, row: NewTask, once: Once) -> Recorded | Existing:
        """Commit this row, unless one was recorded under that key. Raises InvalidSubmission, StoreUnavailable."""
        with self._database.write() as connection:
            if not _take(connection, row, once):
                # It holds the key's row now, so that nobody else takes it over.
                if existing := _existing(connection, row, once):
                    return existing
                point(connection, row, once.key, once.keep_s, once.fingerprint)
            recorded = insert_one(connection, row)
            failpoint("web.key_taken")
            return recorded

    def prune(self, limit: int) -> int:
        """Remove up to `limit` keys whose time is over; answers how many. Raises StoreUnavailable."""
        key = tuple_(keys.c.namespace, keys.c.key)
        old = select(keys.c.namespace, keys.c.key).where(keys.c.expires_at < now_plus(0)).limit(limit)
        with self._database.write() as connection:
            return connection.execute(delete(keys).where(key.in_(old), keys.c.expires_at < now_plus(0))).rowcount


def hold(connection: Connection, row: NewTask, key: str, keep_s: float) -> UUID:
    """Take a key for this row, or hold it as it is until the transaction ends; answers whose it is."""
    values = {"task_id": row.id, "expires_at": now_plus(keep_s)}
    statement = _insert(connection).values(namespace=row.namespace, key=key, **values)
    held = statement.on_conflict_do_update(
        index_elements=[keys.c.namespace, keys.c.key], set_={"expires_at": now_plus(keep_s)}
    )
    holder: UUID = connection.execute(held.returning(keys.c.task_id)).scalar_one()
    return holder


def point(
    connection: Connection, row: NewTask, key: str, keep_s: float | None = None, fingerprint: str | None = None
) -> None:
    """The key, which this transaction holds, is this row's from now on."""
    kept = {} if keep_s is None else {"expires_at": now_plus(keep_s)}
    these = (keys.c.namespace == row.namespace) & (keys.c.key == key)
    connection.execute(update(keys).where(these).values(task_id=row.id, fingerprint=fingerprint, **kept))


def insert_one(connection: Connection, row: NewTask) -> Recorded:
    """Insert a row in somebody's transaction. Raises InvalidSubmission when the database will not have it."""
    try:
        return insert_rows(connection, [row])[row.id]
    except DataError as error:
        message = f"The database cannot store these parameters: {str(error.orig).splitlines()[0]}"
        raise InvalidSubmission(errors=[{"path": "parameters", "message": message}]) from None


def _insert(connection: Connection) -> Any:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return insert(keys)


def _existing(connection: Connection, row: NewTask, once: Once, *conditions: ColumnElement[bool]) -> Existing | None:
    """The key's task, unless it was removed."""
    statement = (
        select(keys.c.task_id, keys.c.fingerprint)
        .join(tasks, tasks.c.id == keys.c.task_id)
        .where(keys.c.namespace == row.namespace, keys.c.key == once.key, *conditions)
    )
    found = connection.execute(statement).one_or_none()
    return Existing(task_id=found.task_id, fingerprint=found.fingerprint) if found else None


def _take(connection: Connection, row: NewTask, once: Once) -> bool:
    """Take the key for this row; answers whether it was free, or its time over."""
    values = {"fingerprint": once.fingerprint, "task_id": row.id, "expires_at": now_plus(once.keep_s)}
    statement = _insert(connection).values(namespace=row.namespace, key=once.key, **values)
    taken = statement.on_conflict_do_update(
        index_elements=[keys.c.namespace, keys.c.key], set_=values, where=keys.c.expires_at <= now_plus(0)
    )
    return connection.execute(taken.returning(keys.c.task_id)).one_or_none() is not None
