"""Looking at what waits and what runs. Every count stops at a bound, and says so by reaching it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Select, func, select, text

from task_system.model.states import WAITING, State
from task_system.model.task import Task
from task_system.store.database import Database
from task_system.store.tables import LOST, PARKED, attempts, tasks
from task_system.store.types import now_of

#: No count goes further.
MOST = 10_000
#: Running tasks that are named.
MOST_RUNNING = 1000


@dataclass(frozen=True, slots=True)
class Backlog:
    """Of one queue, as the database knows it."""

    #: Due tasks whose messages the broker or a worker holds, and those put aside; MOST means that many or more.
    waiting: int
    #: When the first of them was due.
    oldest: datetime | None

    def with_(self, other: "Backlog") -> "Backlog":
        """Both as one."""
        oldest = min(filter(None, (self.oldest, other.oldest)), default=None)
        return Backlog(min(MOST, self.waiting + other.waiting), oldest)


@dataclass(frozen=True, slots=True)
class Running:
    """A task that a worker runs."""

    task_id: UUID
    task_type: str
    attempt: int
    started_at: datetime
    percent: float | None


class Looking:
    """What is going on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def now(self) -> datetime:
        """The database's time. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return now_of(connection)

    def ahead(self, task: Task) -> int:
        """How many dispatched tasks of its queue came before a waiting one; MOST means that many or more."""
        before = _dispatched(task.queue).where(tasks.c.id < task.id).subquery()
        with self._database.read() as connection:
            return connection.scalar(select(func.count()).select_from(before)) or 0

    def backlogs(self, queues: tuple[str, ...]) -> dict[str, Backlog]:
        """Each queue's. Raises StoreUnavailable."""
        found = {}
        with self._database.read() as connection:
            # Mostly there are none, and one look says so.
            any_parked = connection.scalar(select(tasks.c.id).where(text(PARKED)).limit(1))
            for queue in queues:
                backlog = _counted(connection, _dispatched(queue))
                found[queue] = backlog.with_(_counted(connection, _parked(queue))) if any_parked else backlog
        return found

    def running(self) -> dict[str, list[Running]]:
        """What runs now, by the name of the worker, no more than MOST_RUNNING in all. Raises StoreUnavailable."""
        statement = (
            select(
                tasks.c.worker,
                tasks.c.id,
                tasks.c.task_type,
                tasks.c.attempt,
                tasks.c.started_at,
                tasks.c.progress_percent,
            )
            .where(tasks.c.state == State.STARTED)
            .limit(MOST_RUNNING)
        )
        found: dict[str, list[Running]] = defaultdict(list)
        with self._database.read() as connection:
            for worker, *running in connection.execute(statement):
                found[worker].append(Running(*running))
        return found

    def lost(self, workers: Sequence[str]) -> dict[str, dict[UUID, State | None]]:
        """The tasks that were lost with each of these, and their states now; None: removed. MOST_RUNNING in all."""
        statement = (
            select(attempts.c.worker, attempts.c.task_id, tasks.c.state)
            .select_from(attempts.outerjoin(tasks, tasks.c.id == attempts.c.task_id))
            .where(text(LOST), attempts.c.worker.in_(workers))
            .limit(MOST_RUNNING)
        )
        found: dict[str, dict[UUID, State | None]] = defaultdict(dict)
        with self._database.read() as connection:
            for worker, task_id, state in connection.execute(statement):
                found[worker][task_id] = State(state) if state else None
        return found


def _counted(connection: Connection, some: Select[tuple[UUID, datetime]]) -> Backlog:
    found = some.subquery()
    waiting, oldest = connection.execute(select(func.count(), func.min(found.c.run_at))).one()
    return Backlog(waiting, oldest)


def _parked(queue: str) -> Select[tuple[UUID, datetime]]:
    return select(tasks.c.id, tasks.c.run_at).where(text(PARKED), tasks.c.queue == queue).limit(MOST)


def _dispatched(queue: str) -> Select[tuple[UUID, datetime]]:
    return (
        select(tasks.c.id, tasks.c.run_at)
        .where(tasks.c.queue == queue, tasks.c.state.in_(WAITING), tasks.c.published_at.is_not(None))
        .order_by(tasks.c.state, tasks.c.id)
        .limit(MOST)
    )
