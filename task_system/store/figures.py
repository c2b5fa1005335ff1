"""How much waits and runs now: counts along partial indexes, which have live tasks only. Each stops at a bound."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, text, true

from task_system.model.states import State
from task_system.store.database import Database
from task_system.store.tables import LISTED_STATES, PARKED, PUBLISHED, tasks
from task_system.store.types import now_of
from task_system.store.walks import QUEUES, UNCONFIRMED, WITH_RELAY, each

#: No count of a state goes further.
MOST_COUNTED = 100_000
#: Tasks of a queue that are looked at for who waits in it and for how long.
MOST_WAITING = 10_000


@dataclass(slots=True)
class Group:
    """Tasks of a type in a queue: due and not started, since when, and running. MOST_WAITING of a queue at most."""

    waiting: int = 0
    oldest: datetime | None = None
    running: int = 0

    def add(self, other: "Group") -> None:
        """Count the other's, too."""
        self.waiting += other.waiting
        self.running += other.running
        if other.oldest and (self.oldest is None or other.oldest < self.oldest):
            self.oldest = other.oldest


@dataclass(frozen=True, slots=True)
class Now:
    """All that is live. A count of MOST_COUNTED means that many or more."""

    as_of: datetime
    pending: int
    scheduled: int
    running: int
    retry: int
    #: By task type and queue.
    groups: dict[tuple[str, str], Group] = field(default_factory=dict)


class Figures:
    """See the module."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def now(self) -> Now:
        """What is live now. Raises StoreUnavailable."""
        groups: dict[tuple[str, str], Group] = defaultdict(Group)
        with self._database.read() as connection:
            as_of = now_of(connection)
            on_the_way = _waiting(connection, _of(WITH_RELAY, UNCONFIRMED), groups)
            parked = _waiting(connection, _of(text(PARKED)), groups)
            for statement in _published(postgresql=self._database.is_postgresql):
                _waiting(connection, statement, groups)
            _running(connection, groups)
            not_due = _count(connection, text(LISTED_STATES), tasks.c.state == State.PENDING) - parked
            published = _count(connection, text(PUBLISHED), tasks.c.state == State.PENDING, tasks.c.queue.in_(QUEUES))
            retry = _count(connection, text(LISTED_STATES), tasks.c.state == State.RETRY)
        return Now(
            as_of=as_of,
            pending=published + on_the_way + parked,
            scheduled=max(0, not_due),
            running=sum(group.running for group in groups.values()),
            retry=retry,
            groups=dict(groups),
        )


def _waiting(connection: Connection, statement: Select[Any], groups: dict[tuple[str, str], Group]) -> int:
    """Add what this finds to the groups; answers how many of it are pending."""
    found = statement.subquery()
    pending = func.count().filter(found.c.state == State.PENDING)
    counted = select(
        found.c.task_type, found.c.queue, func.count(), func.min(found.c.run_at, type_=tasks.c.run_at.type), pending
    )
    total = 0
    for task_type, queue, waiting, oldest, count in connection.execute(
        counted.group_by(found.c.task_type, found.c.queue)
    ):
        groups[task_type, queue].add(Group(waiting, oldest))
        total += count
    return total


def _of(*conditions: Any) -> Select[Any]:
    columns = (tasks.c.task_type, tasks.c.queue, tasks.c.state, tasks.c.run_at)
    return select(*columns).where(*conditions).limit(MOST_WAITING)


def _published(*, postgresql: bool) -> list[Select[Any]]:
    def in_queue(queue: ColumnElement[bool]) -> Select[Any]:
        return _of(text(PUBLISHED), queue).order_by(tasks.c.state, tasks.c.id)

    if not postgresql:
        return [in_queue(tasks.c.queue == queue) for queue in QUEUES]
    queue = each(QUEUES, "of_queue")
    found = in_queue(tasks.c.queue == queue.c.name).lateral()
    return [select(found).select_from(queue).join(found, true())]


def _running(connection: Connection, groups: dict[tuple[str, str], Group]) -> None:
    running = text("state = 'STARTED'")
    statement = select(tasks.c.task_type, tasks.c.queue, func.count()).where(running)
    for task_type, queue, count in connection.execute(statement.group_by(tasks.c.task_type, tasks.c.queue)):
        groups[task_type, queue].add(Group(running=count))


def _count(connection: Connection, *conditions: Any) -> int:
    some = select(tasks.c.state).where(*conditions).limit(MOST_COUNTED).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0
