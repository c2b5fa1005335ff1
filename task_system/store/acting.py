"""What a caller may do to a task. One conditional UPDATE each: whoever comes second finds nothing to change."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update

from task_system.model.errors import (
    Conflict,
    TaskFinished,
    TaskNotFinished,
    TaskNotFound,
    TaskNotWaiting,
    TaskSystemError,
)
from task_system.model.routing import Priority, lane_of, priority_of, queue_name
from task_system.model.states import LIVE, WAITING, State
from task_system.model.task import Dispatch, NewTask, Recorded
from task_system.store.cancelling import cancel
from task_system.store.database import Database
from task_system.store.event_log import TOLD, append, event_of
from task_system.store.submissions import INLINE_GRACE_S, insert_rows
from task_system.store.tables import tasks
from task_system.store.types import now_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What a cancel did: the task is over, or (while `finished_at` is None) its worker will be told."""

    task_type: str
    state: State
    finished_at: datetime | None
    #: It was over by a cancel before this one came.
    before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be otherwise about a task that waits; None leaves it."""

    run_at: datetime | None = None
    #: Run it as soon as possible.
    now: bool = False
    priority: Priority | None = None
    tags: tuple[str, ...] | None = None


class Acting:
    """What the API's callers ask of single tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cancel(self, task_id: UUID, reason: str | None) -> Cancelled:
        """End a waiting task now, so that it never starts; ask for the end of a running one.

        Raises TaskNotFound, TaskFinished (for any end but a cancel), StoreUnavailable.
        """
        with self._database.write() as connection:
            for row in cancel(connection, [task_id], reason):
                return Cancelled(task_type=row.task_type, state=State(row.state), finished_at=row.finished_at)
            return _cancelled_before(connection, task_id)

    def retry(self, task_id: UUID, row: NewTask) -> Recorded:
        """Record this row as another run of a task that is over. Raises TaskNotFound, TaskNotFinished."""
        over = update(tasks).where(tasks.c.id == task_id, tasks.c.state.not_in(LIVE)).values(retried_as=row.id)
        with self._database.write() as connection:
            if connection.execute(over).rowcount == 0:
                raise _refused(connection, task_id, TaskNotFinished)
            return insert_rows(connection, [row])[row.id]

    def change(self, task_id: UUID, change: Change) -> Dispatch | None:
        """Change a task that waits; answers the dispatch that is to be published now, if there is one.

        Another time or priority makes a new dispatch, and old copies of what is to be published later.
        Raises TaskNotFound, TaskNotWaiting.
        """
        waiting = select(tasks.c.queue, tasks.c.run_at).where(tasks.c.id == task_id, tasks.c.state.in_(WAITING))
        with self._database.write() as connection:
            row = connection.execute(waiting.with_for_update()).one_or_none()
            if row is None:
                raise _refused(connection, task_id, TaskNotWaiting)
            now = now_of(connection)
            values = _values_of(change, row.queue, row.run_at, now)
            if not values:
                return None
            statement = update(tasks).where(tasks.c.id == task_id).values(**values)
            changed = connection.execute(statement.returning(*TOLD, tasks.c.dispatch_no, tasks.c.run_at)).one()
            append(connection, [event_of(changed._mapping, event="task.changed")])
        if "dispatch_no" not in values or changed.run_at > now:
            return None
        return Dispatch(task_id, changed.dispatch_no, changed.queue, changed.task_type)


def _values_of(change: Change, queue: str, run_at: datetime, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if change.tags is not None:
        values["tags"] = change.tags or None
    if change.now and run_at > now:
        values["run_at"] = now
    if change.run_at is not None:
        # One that has passed means now.
        values["run_at"] = max(change.run_at, now)
    if change.priority is not None and change.priority != priority_of(queue):
        values["priority"] = change.priority
        values["queue"] = queue_name(lane_of(queue), change.priority)
    if "run_at" in values or "queue" in values:
        due_at = values.get("run_at", run_at)
        values |= dispatched_anew(due_at, now)
    return values


def dispatched_anew(due_at: datetime, now: datetime) -> dict[str, Any]:
    """A new dispatch, published by the caller if it is due; old messages are old copies from then on."""
    return {
        "dispatch_no": tasks.c.dispatch_no + 1,
        "published_at": None,
        "relay_at": due_at if due_at > now else now + timedelta(seconds=INLINE_GRACE_S),
    }


def _refused(connection: Connection, task_id: UUID, kind: type[Conflict]) -> TaskSystemError:
    state = connection.scalar(select(tasks.c.state).where(tasks.c.id == task_id))
    if state is None:
        return TaskNotFound(task_id=str(task_id))
    return kind(task_id=str(task_id), state=state)


def _cancelled_before(connection: Connection, task_id: UUID) -> Cancelled:
    statement = select(tasks.c.task_type, tasks.c.state, tasks.c.finished_at).where(tasks.c.id == task_id)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise TaskNotFound(task_id=str(task_id))
    if row.state != State.CANCELLED:
        raise TaskFinished(task_id=str(task_id), state=row.state)
    return Cancelled(task_type=row.task_type, state=State.CANCELLED, finished_at=row.finished_at, before=True)
