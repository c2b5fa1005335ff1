"""Recording many tasks at once, and counting them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DataError, IntegrityError, NotSupportedError, ProgrammingError

from task_system.model.states import State
from task_system.model.task import NewTask, Recorded
from task_system.store.database import Database
from task_system.store.submissions import insert_rows
from task_system.store.tables import tasks

#: Rows of one INSERT.
CHUNK = 1000
#: What a database says of a row that it will not have.
_REFUSED = (DataError, IntegrityError, NotSupportedError, ProgrammingError)


@dataclass(frozen=True, slots=True)
class RecordedBatch:
    """What became of the rows, by id."""

    recorded: dict[UUID, Recorded] = field(default_factory=dict)
    #: Why the database would not have a row.
    refused: dict[UUID, str] = field(default_factory=dict)


class BatchStore:
    """What the API asks of the store about batches."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, rows: Sequence[NewTask], *, each: bool, grace_s: float) -> RecordedBatch:
        """Commit these rows in one transaction: all of them and nothing else, or each that the database will have.

        grace_s: how long the relay leaves what is due to the caller, in seconds. Raises StoreUnavailable.
        """
        batch = RecordedBatch()
        with self._database.write() as connection:
            for first in range(0, len(rows), CHUNK):
                _record(connection, rows[first : first + CHUNK], batch, each=each, grace_s=grace_s)
                if batch.refused and not each:
                    connection.rollback()
                    return RecordedBatch(refused=batch.refused)
        return batch

    def count(self, batch_id: UUID) -> dict[State, int]:
        """How many of a batch's tasks are in each state; empty when there is none. Raises StoreUnavailable."""
        statement = select(tasks.c.state, func.count()).where(tasks.c.batch_id == batch_id).group_by(tasks.c.state)
        with self._database.read() as connection:
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
