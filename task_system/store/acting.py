"""What a caller may do to a task. One conditional UPDATE each: whoever comes second finds nothing to change."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, case, func, select, update

from task_system.model.errors import TaskFinished, TaskNotFound
from task_system.model.states import LIVE, State
from task_system.store.database import Database
from task_system.store.tables import tasks
from task_system.store.types import now_plus


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What a cancel did: the task is over, or (while `finished_at` is None) its worker will be told."""

    task_type: str
    state: State
    finished_at: datetime | None
    #: It was over by a cancel before this one came.
    before: bool = False


class Acting:
    """What the API's callers ask of single tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cancel(self, task_id: UUID, reason: str | None) -> Cancelled:
        """End a waiting task now, so that it never starts; ask for the end of a running one.

        Raises TaskNotFound, TaskFinished (for any end but a cancel), StoreUnavailable.
        """
        running = tasks.c.state == State.STARTED
        statement = (
            update(tasks)
            .where(tasks.c.id == task_id, tasks.c.state.in_(LIVE))
            .values(
                state=case((running, tasks.c.state), else_=State.CANCELLED),
                finished_at=case((running, None), else_=now_plus(0)),
                relay_at=None,
                cancel_requested_at=func.coalesce(tasks.c.cancel_requested_at, now_plus(0)),
                cancel_reason=func.coalesce(tasks.c.cancel_reason, reason),
            )
            .returning(tasks.c.task_type, tasks.c.state, tasks.c.finished_at)
        )
        with self._database.statement() as connection:
            row = connection.execute(statement).one_or_none()
            if row is not None:
                return Cancelled(task_type=row.task_type, state=State(row.state), finished_at=row.finished_at)
            return _cancelled_before(connection, task_id)


def _cancelled_before(connection: Connection, task_id: UUID) -> Cancelled:
    statement = select(tasks.c.task_type, tasks.c.state, tasks.c.finished_at).where(tasks.c.id == task_id)
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise TaskNotFound(task_id=str(task_id))
    if row.state != State.CANCELLED:
        raise TaskFinished(task_id=str(task_id), state=row.state)
    return Cancelled(task_type=row.task_type, state=State.CANCELLED, finished_at=row.finished_at, before=True)
