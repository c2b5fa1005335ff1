"""Recording many tasks at once, and counting them."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, case, delete, func, insert, or_, select, update
from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

from task_system.model.errors import TaskSystemError
from task_system.model.states import State
from task_system.model.task import NewTask, Recorded
from task_system.store.database import Database
from task_system.store.files import Missing, missing_in
from task_system.store.submissions import RELAYED_AT_ONCE_S, insert_rows
from task_system.store.tables import batches, tasks
from task_system.store.types import now_plus

#: Rows of one INSERT.
CHUNK = 1000
#: A batch of which no more came for this long is taken to be whole, in seconds: whoever recorded it died.
OPEN_S = 600.0
_log = logging.getLogger(__name__)
_COMPLETE = or_(batches.c.open_until.is_(None), batches.c.open_until < now_plus(0))
#: What a database says of a row that it will not have.
_REFUSED = (DataError, IntegrityError, NotSupportedError, ProgrammingError)


@dataclass(frozen=True, slots=True)
class RecordedBatch:
    """What became of the rows, by id."""

    recorded: dict[UUID, Recorded] = field(default_factory=dict)
    #: Why the database would not have a row.
    refused: dict[UUID, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Tasks that were submitted together."""

    id: UUID
    created_at: datetime
    #: Tasks that were accepted.
    total: int
    #: What is to be submitted when all are over, and what became of that.
    callback: dict[str, Any] | None
    callback_task_id: UUID | None
    callback_error: str | None
    finished_at: datetime | None
    #: How many ended in each state, once all did.
    counts: dict[str, int] | None
    #: How many are not over.
    live: int = 0


#: The task that follows a batch that ended so. Raises TaskSystemError when it cannot be submitted.
CallbackOf = Callable[[Batch, dict[str, int], Missing], NewTask]


class BatchStore:
    """What the API and the keeper ask of the store about batches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(
        self,
        rows: Iterable[NewTask],
        *,
        batch_id: UUID,
        callback: dict[str, Any] | None,
        each: bool,
        grace_s: float,
        last: bool = True,
    ) -> RecordedBatch:
        """Commit these rows in one transaction: all of them and nothing else, or each that the database will have.

        grace_s: how long the relay leaves what is due to the caller, in seconds. last: no more of the batch comes.
        Raises StoreUnavailable.
        """
        batch, rest = RecordedBatch(), iter(rows)
        with self._database.write() as connection:
            while chunk := list(islice(rest, CHUNK)):
                _record(connection, chunk, batch, each=each, grace_s=grace_s)
                if batch.refused and not each:
                    connection.rollback()
                    return RecordedBatch(refused=batch.refused)
            _note(connection, batch_id, len(batch.recorded), callback, last=last)
        return batch

    def get(self, batch_id: UUID) -> Batch | None:
        """The batch of that id, if it is known. Raises StoreUnavailable."""
        with self._database.read() as connection:
            row = connection.execute(_batches().where(batches.c.id == batch_id)).one_or_none()
            return None if row is None else _batch(row)

    def newest(self, limit: int) -> list[Batch]:
        """The last ones, newest first."""
        statement = _batches().order_by(batches.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [_batch(row) for row in connection.execute(statement)]

    def count(self, batch_id: UUID) -> dict[State, int]:
        """How many of a batch's tasks are in each state; empty when there is none. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return _count(connection, batch_id)

    def close(self, callback_of: CallbackOf, limit: int) -> list[Batch]:
        """End up to `limit` batches of which every task is over, and submit what follows them.

        Both are one transaction, and each batch is one keeper's for its time. Raises StoreUnavailable.
        """
        live = select(tasks.c.id).where(tasks.c.batch_id == batches.c.id, tasks.c.finished_at.is_(None))
        over = (
            select(batches.c.id)
            .where(batches.c.finished_at.is_(None), _COMPLETE, ~live.exists())
            .order_by(batches.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            if connection.execute(over.limit(1)).one_or_none() is None:
                return []
        with self._database.write() as connection:
            ids = list(connection.scalars(over.with_for_update(skip_locked=True)))
            return [_close(connection, batch_id, callback_of) for batch_id in ids]

    def forget(self, keep_s: float) -> int:
        """Forget batches that were over so long ago."""
        with self._database.write() as connection:
            return connection.execute(delete(batches).where(batches.c.finished_at < now_plus(-keep_s))).rowcount


def _note(connection: Connection, batch_id: UUID, count: int, callback: dict[str, Any] | None, *, last: bool) -> None:
    """So many more tasks of this batch were accepted; one without any is none."""
    open_until = None if last else now_plus(OPEN_S)
    more = update(batches).where(batches.c.id == batch_id)
    total = batches.c.total + count
    if connection.execute(more.values(total=total, open_until=open_until)).rowcount or not count:
        return
    values = {"id": batch_id, "created_at": now_plus(0), "total": count, "open_until": open_until, "callback": callback}
    connection.execute(insert(batches).values(values))


def _close(connection: Connection, batch_id: UUID, callback_of: CallbackOf) -> Batch:
    batch = _batch(connection.execute(_batches().where(batches.c.id == batch_id)).one())
    counts = {str(state): count for state, count in _count(connection, batch_id).items()}
    values: dict[str, Any] = {"counts": counts}
    if batch.callback is not None:
        try:
            with connection.begin_nested():
                row = callback_of(batch, counts, missing_in(connection))
                insert_rows(connection, [row], RELAYED_AT_ONCE_S)
            values["callback_task_id"] = row.id
        except TaskSystemError as error:
            values["callback_error"] = error.reason
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001 - the batches beside it are to be closed
            _log.exception("what is to follow the batch %s cannot be submitted", batch_id)
            values["callback_error"] = f"{type(error).__name__}: {error}"
    connection.execute(update(batches).where(batches.c.id == batch_id).values(finished_at=now_plus(0), **values))
    return replace(batch, **values)


def _batches() -> Select[Any]:
    live = select(func.count()).where(tasks.c.batch_id == batches.c.id, tasks.c.finished_at.is_(None))
    unfinished = case((batches.c.finished_at.is_(None), live.scalar_subquery()), else_=0)
    return select(*(column for column in batches.c if column.name != "open_until"), unfinished.label("live"))


def _batch(row: Row[Any]) -> Batch:
    return Batch(**row._mapping)


def _count(connection: Connection, batch_id: UUID) -> dict[State, int]:
    statement = select(tasks.c.state, func.count()).where(tasks.c.batch_id == batch_id).group_by(tasks.c.state)
    return {State(state): count for state, count in connection.execute(statement)}


def _record(
    connection: Connection, rows: Sequence[NewTask], batch: RecordedBatch, *, each: bool, grace_s: float
) -> None:
    """Insert these rows; when one of them cannot be, find out which by halves."""
    try:
        with connection.begin_nested():
            batch.recorded.update(insert_rows(connection, rows, grace_s))
    except _REFUSED as error:
        if len(rows) == 1:
            batch.refused[rows[0].id] = str(error.orig).splitlines()[0]
            return
        middle = len(rows) // 2
        for half in (rows[:middle], rows[middle:]):
            if each or not batch.refused:
                _record(connection, half, batch, each=each, grace_s=grace_s)
