"""Reading tasks."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row, RowMapping, exists, select

from task_system.model.errors import TaskNotFound
from task_system.model.file import Kind, StoredFile
from task_system.model.states import LIVE, State
from task_system.model.task import Attempt, Task
from task_system.store.database import Database
from task_system.store.files import made_by
from task_system.store.tables import attempts, files, tasks, workers

_HIDDEN = {"relay_at", "lease_token", "lease_until"}
COLUMNS = [column for column in tasks.c if column.name not in _HIDDEN]
#: Most tasks make none, and pay one look into an index.
_MADE_FILES = (
    exists()
    .where(files.c.task_id == tasks.c.id, files.c.attempt == tasks.c.attempt, tasks.c.state == State.SUCCESS)
    .correlate(tasks)
    .label("made_files")
)


class Reading:
    """What everybody may ask of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def task(self, task_id: UUID) -> Task:
        """One task with its earlier attempts. Raises TaskNotFound, StoreUnavailable."""
        with self._database.read() as connection:
            row: Any = connection.execute(select(*COLUMNS, _MADE_FILES).where(tasks.c.id == task_id)).one_or_none()
            if row is None:
                raise TaskNotFound(task_id=str(task_id))
            # Most tasks succeed at once and have none.
            earlier = select(attempts).where(attempts.c.task_id == task_id).order_by(attempts.c.attempt)
            failed = connection.execute(earlier).all() if row.attempt > 1 or row.error_type else []
            heard_of = select(workers.c.heartbeat_at).where(workers.c.name == row.worker)
            heartbeat_at = connection.scalar(heard_of) if row.state == State.STARTED else None
            made = made_by(connection, task_id, row.attempt) if row.made_files else []
        task = task_of(
            row._mapping,
            earlier=[_attempt_of(attempt) for attempt in failed if not _is_the_end(attempt, row)],
        )
        if heartbeat_at:
            task = replace(task, heartbeat_at=heartbeat_at)
        return _with_files(task, made) if made else task

    def gone(self, task_ids: Sequence[UUID]) -> set[UUID]:
        """Those of these tasks that are no longer there. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return set(task_ids) - set(connection.scalars(select(tasks.c.id).where(tasks.c.id.in_(task_ids))))

    def is_over(self, task_id: UUID) -> bool:
        """Whether it is in a terminal state, or gone. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return connection.scalar(select(tasks.c.state).where(tasks.c.id == task_id)) not in LIVE


def _with_files(task: Task, made: list[StoredFile]) -> Task:
    size = next((file.size for file in made if file.kind is Kind.RESULT), None)
    return replace(task, files=[file for file in made if file.kind is Kind.FILE], result_size=size)


def task_of(row: RowMapping, *, left_out: Iterable[str] = (), earlier: Sequence[Attempt] = ()) -> Task:
    """A row of COLUMNS as a Task. left_out: those of which nothing is known here."""
    values = dict.fromkeys(left_out) | dict(row)
    values.pop("made_files", None)
    values["state"] = State(values["state"])
    # As it was written, which orjson may not read: it has no room for the largest numbers.
    values["result"] = orjson.Fragment(values["result"]) if values["result"] is not None else None
    return Task(**values, attempts=list(earlier))


def _is_the_end(attempt: Any, task: Any) -> bool:
    """Whether the task is over by this attempt, and not while it waited for another."""
    ended = task.state == State.FAILURE or (task.state == State.CANCELLED and attempt.outcome == "cancelled")
    return bool(ended and attempt.attempt == task.attempt)


def _attempt_of(row: Row[Any]) -> Attempt:
    """A row of `attempts` as an Attempt."""
    values = dict(row._mapping)
    del values["task_id"]
    return Attempt(**values)
