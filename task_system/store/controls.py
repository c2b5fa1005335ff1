"""What operators close: queues that are paused, task types that are held or refused. And what waits behind it: parked.

A parked row waits, and neither the relay nor the broker has it: `relay_at` and `published_at` are NULL. Nobody looks at
parked rows but who lets them go on, so that a million of them cost nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    TextClause,
    and_,
    case,
    delete,
    func,
    literal_column,
    null,
    or_,
    select,
    text,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from task_system.failpoints import failpoint
from task_system.model.routing import PRIORITIES, priority_of
from task_system.model.states import WAITING, State
from task_system.model.task import Dispatch, Settled
from task_system.store.database import Database
from task_system.store.event_log import TOLD, append, event_of
from task_system.store.submissions import INLINE_GRACE_S
from task_system.store.tables import PARKED, PUBLISHED, queue_controls, task_type_controls, tasks
from task_system.store.types import now_plus

#: Rows of one transaction.
BATCH = 1000
_OPEN_AGAIN = queue_controls.c.until <= now_plus(0)
_TO_RELAY = "relay_at IS NOT NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Why a queue stands still, and until when, if that is known."""

    queue: str
    until: datetime | None
    reason: str | None
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeControl:
    """`hold`: its tasks are accepted and wait; `refuse`: new ones are not accepted."""

    task_type: str
    control: str
    reason: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Closed:
    """All that is closed at one moment."""

    queues: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    #: Why, by task type.
    refused: dict[str, str | None] = field(default_factory=dict)

    def keeps(self, queue: str, task_type: str) -> bool:
        """Whether tasks of this queue and type are not to be started."""
        return queue in self.queues or task_type in self.held


class Controls:
    """Durable, and obeyed by every process within two seconds: each reads `closed` once a second."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def closed(self) -> Closed | None:
        """What is closed now; None when nothing is."""
        with self._database.read() as connection:
            return _closed(connection)

    # Queues.

    def paused(self) -> dict[str, Pause]:
        """The pauses, by queue."""
        statement = select(queue_controls).where(or_(queue_controls.c.until.is_(None), ~_OPEN_AGAIN))
        with self._database.read() as connection:
            return {row["queue"]: Pause(**row) for row in connection.execute(statement).mappings()}

    def pause(self, queue: str, until: datetime | None, reason: str | None) -> Pause:
        """Start none of its tasks; those that run go on. A pause that is there takes the new end and reason."""
        kind = postgresql_insert if self._database.is_postgresql else sqlite_insert
        new = kind(queue_controls).values(queue=queue, until=until, reason=reason, since=now_plus(0))
        statement = new.on_conflict_do_update(index_elements=["queue"], set_={"until": until, "reason": reason})
        with self._database.write() as connection:
            row = connection.execute(statement.returning(*queue_controls.c)).mappings().one()
            return Pause(**row)

    def resume(self, queue: str) -> None:
        """Go on; harmless when it was not paused."""
        with self._database.write() as connection:
            if connection.execute(delete(queue_controls).where(queue_controls.c.queue == queue)).rowcount:
                _hurry(connection, tasks.c.queue == queue)

    def purge(self, queue: str, reason: str) -> Iterator[list[Settled]]:
        """Cancel all that waits for the queue, a batch in each transaction, until nothing does."""
        found = True
        while found:
            # A row may go from one to the next meanwhile, so they are looked through until there is nothing in any.
            found = False
            for settled in chain(
                self._purge(queue, text(_TO_RELAY), tasks.c.relay_at, reason),
                self._purge(queue, text(PARKED), tasks.c.task_type, reason),
                *(self._purge(queue, _published(state), tasks.c.id, reason) for state in sorted(WAITING)),
            ):
                found = found or bool(settled)
                yield settled

    def _purge(
        self, queue: str, where: ColumnElement[bool] | TextClause, order: ColumnElement[Any], reason: str
    ) -> Iterator[list[Settled]]:
        """Along one index, from where the batch before ended."""
        rows = select(tasks.c.id, order).where(where, tasks.c.queue == queue).order_by(order).limit(BATCH)
        if order is tasks.c.relay_at:
            rows = rows.where(tasks.c.priority == priority_of(queue))
        last = None
        while True:
            with self._database.write() as connection:
                found = connection.execute(rows if last is None else rows.where(order >= last)).all()
                settled = _cancel(connection, [row[0] for row in found], reason) if found else []
            yield settled
            if len(found) < BATCH:
                return
            last = found[-1][1]

    # Task types.

    def types(self) -> dict[str, TypeControl]:
        """What is held or refused, by task type."""
        with self._database.read() as connection:
            rows = connection.execute(select(task_type_controls)).mappings()
            return {row["task_type"]: TypeControl(**row) for row in rows}

    def set_type(self, task_type: str, control: str, reason: str | None) -> None:
        """`hold` or `refuse` it."""
        kind = postgresql_insert if self._database.is_postgresql else sqlite_insert
        values = {"control": control, "reason": reason, "since": now_plus(0)}
        statement = kind(task_type_controls).values(task_type=task_type, **values)
        with self._database.write() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["task_type"], set_=values))

    def allow_type(self, task_type: str) -> None:
        """Neither hold nor refuse it."""
        with self._database.write() as connection:
            if connection.execute(
                delete(task_type_controls).where(task_type_controls.c.task_type == task_type)
            ).rowcount:
                _hurry(connection, tasks.c.task_type == task_type)

    # What waits behind it.

    def park(self, dispatches: Sequence[Dispatch]) -> None:
        """Keep these rows out of everybody's way. Their messages, where there are any, are old from now on."""
        ids = sorted(dispatch.task_id for dispatch in dispatches)
        numbers = {dispatch.task_id: dispatch.dispatch_no for dispatch in dispatches}
        statement = (
            update(tasks)
            .where(
                tasks.c.id.in_(ids), tasks.c.state.in_(WAITING), tasks.c.dispatch_no == case(numbers, value=tasks.c.id)
            )
            .values(dispatch_no=tasks.c.dispatch_no + 1, published_at=None, relay_at=None)
        )
        with self._database.statement() as connection:
            connection.execute(statement)

    def let_go(self, limit: int = BATCH) -> int:
        """End pauses whose time has come, and give the relay up to `limit` parked rows that nothing keeps any more."""
        with self._database.read() as connection:
            groups = _parked_groups(connection)
            over = connection.scalar(select(func.count()).select_from(queue_controls).where(_OPEN_AGAIN))
        if not (groups or over):
            return 0
        count = 0
        with self._database.write() as connection:
            if over:
                opened = delete(queue_controls).where(_OPEN_AGAIN).returning(queue_controls.c.queue)
                _hurry(connection, tasks.c.queue.in_(list(connection.scalars(opened))))
            closed = _closed(connection) or Closed()
            for queue, task_type in groups:
                if count < limit and not closed.keeps(queue, task_type):
                    count += _let_go(connection, queue, task_type, limit - count)
            failpoint("keeper.releaser.before_commit")
        return count


def _published(state: State) -> ColumnElement[bool]:
    return and_(text(PUBLISHED), tasks.c.state == state)


def _hurry(connection: Connection, these: ColumnElement[bool]) -> None:
    """What was submitted just now, and not published for being closed, is the relay's at once."""
    soon = tasks.c.relay_at.between(now_plus(0), now_plus(INLINE_GRACE_S))
    statement = (
        update(tasks)
        .where(text(_TO_RELAY), tasks.c.priority.in_(PRIORITIES), soon, these)
        .where(tasks.c.state.in_(WAITING), tasks.c.run_at <= now_plus(0), tasks.c.published_at.is_(None))
        .values(relay_at=now_plus(0))
    )
    connection.execute(statement)


def _closed(connection: Connection) -> Closed | None:
    # One round trip, once a second in every process.
    statement = union_all(
        select(
            literal_column("'pause'").label("control"), queue_controls.c.queue.label("name"), null().label("reason")
        ).where(or_(queue_controls.c.until.is_(None), ~_OPEN_AGAIN)),
        select(task_type_controls.c.control, task_type_controls.c.task_type, task_type_controls.c.reason),
    )
    rows = connection.execute(statement).all()
    if not rows:
        return None
    return Closed(
        frozenset(row.name for row in rows if row.control == "pause"),
        frozenset(row.name for row in rows if row.control == "hold"),
        {row.name: row.reason for row in rows if row.control == "refuse"},
    )


def _parked_groups(connection: Connection) -> list[tuple[str, str]]:
    """The queues and types that parked rows have, by one look into the index for each."""
    key = tuple_(tasks.c.queue, tasks.c.task_type)
    statement = select(tasks.c.queue, tasks.c.task_type).where(text(PARKED)).order_by(*key.clauses).limit(1)
    groups: list[tuple[str, str]] = []
    row = connection.execute(statement).one_or_none()
    while row is not None:
        groups.append((row.queue, row.task_type))
        row = connection.execute(statement.where(key > tuple_(row.queue, row.task_type))).one_or_none()
    return groups


def _let_go(connection: Connection, queue: str, task_type: str, limit: int) -> int:
    parked = (
        select(tasks.c.id)
        .where(text(PARKED), tasks.c.queue == queue, tasks.c.task_type == task_type)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    later = tasks.c.run_at > now_plus(0)
    statement = (
        update(tasks)
        .where(tasks.c.id.in_(list(connection.scalars(parked))), text(PARKED))
        .values(relay_at=case((later, tasks.c.run_at), else_=now_plus(0)))
    )
    return connection.execute(statement).rowcount


def _cancel(connection: Connection, ids: Sequence[UUID], reason: str) -> list[Settled]:
    statement = (
        update(tasks)
        .where(tasks.c.id.in_(ids), tasks.c.state.in_(WAITING))
        .values(
            state=State.CANCELLED,
            finished_at=now_plus(0),
            relay_at=None,
            cancel_requested_at=now_plus(0),
            cancel_reason=reason,
        )
        .returning(*TOLD, tasks.c.finished_at)
    )
    rows = connection.execute(statement).all()
    append(connection, (event_of(row._mapping) for row in rows))
    return [
        Settled(task_id=row.id, task_type=row.task_type, state=State.CANCELLED, finished_at=row.finished_at)
        for row in rows
    ]
