"""Acts on many tasks. Each step is one transaction: what is done to tasks, and that it is done, are both written or
neither. So any keeper may be killed at any point, and any other goes on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping, case, delete, insert, select, update

from task_system.model.bulk import Bulk, BulkAction, BulkState
from task_system.model.errors import BulkFinished, BulkNotFound, TaskSystemError
from task_system.model.ids import new_id
from task_system.model.states import LIVE
from task_system.model.task import NewTask, Settled, Task
from task_system.store.cancelling import cancel, settled
from task_system.store.database import Database
from task_system.store.files import Missing, missing_in
from task_system.store.reading import COLUMNS, task_of
from task_system.store.removing import remove
from task_system.store.submissions import RELAYED_AT_ONCE_S, insert_rows
from task_system.store.tables import bulk_items, bulks, tasks
from task_system.store.types import now_plus

#: Tasks of one step. A step is what an abort has to wait for.
STEP = 250
#: Why tasks failed: so many of them are kept.
KEEP_ERRORS = 20
_LEFT_OUT = ("result", "error_message", "error_traceback")

#: By their ids: the tasks that run these again, given which files are not there, or why one cannot be submitted.
Again = Callable[[Sequence[Task], Missing], dict[UUID, NewTask | TaskSystemError]]


@dataclass(slots=True)
class Done:
    """What one step did."""

    succeeded: int = 0
    #: Tasks that could not be acted on, and why.
    errors: list[dict[str, str]] = field(default_factory=list)
    #: Tasks that are over by it.
    settled: list[Settled] = field(default_factory=list)
    #: Tasks whose copies are old.
    changed: list[UUID] = field(default_factory=list)


class Bulks:
    """Any number of keepers may ask at once: a bulk is one keeper's for the time of a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, action: BulkAction, filter_: dict[str, Any], reason: str | None) -> Bulk:
        """Begin one. Tasks that are submitted from now on are not meant."""
        id_ = new_id()
        values = {"id": id_, "action": action, "filter": filter_, "reason": reason, "frozen_to": id_, "errors": []}
        statement = insert(bulks).values(
            **values, state=BulkState.FREEZING, created_at=now_plus(0), turn_at=now_plus(0)
        )
        with self._database.write() as connection:
            connection.execute(statement)
            return _get(connection, id_)

    def get(self, bulk_id: UUID) -> Bulk:
        """Raises BulkNotFound, StoreUnavailable."""
        with self._database.read() as connection:
            return _get(connection, bulk_id)

    def newest(self, limit: int) -> list[Bulk]:
        """The last ones, newest first."""
        statement = select(bulks).order_by(bulks.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return [_bulk(row) for row in connection.execute(statement).mappings()]

    def abort(self, bulk_id: UUID) -> Bulk:
        """Act on no more tasks. What is being done just now is waited for. Raises BulkNotFound, BulkFinished."""
        statement = update(bulks).where(bulks.c.id == bulk_id, bulks.c.finished_at.is_(None))
        with self._database.write() as connection:
            aborted = connection.execute(statement.values(state=BulkState.ABORTED, finished_at=now_plus(0))).rowcount
            bulk = _get(connection, bulk_id)
        if not aborted and bulk.state is not BulkState.ABORTED:
            raise BulkFinished
        return bulk

    # What keepers do.

    def next(self) -> Bulk | None:
        """One that is not over; all of them have their turns. Raises StoreUnavailable."""
        statement = select(bulks).where(bulks.c.finished_at.is_(None)).order_by(bulks.c.turn_at).limit(1)
        with self._database.read() as connection:
            row = connection.execute(statement).mappings().one_or_none()
            return None if row is None else _bulk(row)

    def freeze(self, bulk: Bulk, ids: Sequence[UUID], frozen_to: UUID | None) -> None:
        """These tasks are among those meant; none below `frozen_to` has been looked at. None: these are the last.

        Nothing happens when another keeper was first.
        """
        statement = (
            update(bulks)
            .where(bulks.c.id == bulk.id, bulks.c.state == BulkState.FREEZING, bulks.c.frozen_to == bulk.frozen_to)
            .values(
                matching=bulks.c.matching + len(ids),
                turn_at=now_plus(0),
                **({"state": BulkState.RUNNING} if frozen_to is None else {"frozen_to": frozen_to}),
            )
        )
        with self._database.write() as connection:
            if connection.execute(statement).rowcount and ids:
                connection.execute(insert(bulk_items), [{"bulk_id": bulk.id, "task_id": id_} for id_ in ids])

    def act(self, bulk_id: UUID, again: Again) -> Done | None:
        """Act on the next tasks; None when another keeper does, or it is over. Raises StoreUnavailable."""
        mine = select(bulks).where(bulks.c.id == bulk_id, bulks.c.state == BulkState.RUNNING)
        with self._database.write() as connection:
            row = connection.execute(mine.with_for_update(skip_locked=True)).mappings().one_or_none()
            if row is None:
                return None
            bulk, ids = _bulk(row), _next_items(connection, bulk_id)
            done = _act(connection, bulk, ids, again) if ids else Done()
            _note(connection, bulk, ids, done)
        return done

    def fail(self, bulk_id: UUID, why: str) -> None:
        """It cannot go on."""
        values = {"state": BulkState.FAILED, "finished_at": now_plus(0), "errors": [{"message": why}]}
        with self._database.write() as connection:
            connection.execute(
                update(bulks).where(bulks.c.id == bulk_id, bulks.c.finished_at.is_(None)).values(**values)
            )

    def tidy(self, keep_s: float, limit: int) -> int:
        """Forget up to `limit` items of those that are over, and those that were over so long ago."""
        over = select(bulks.c.id).where(bulks.c.finished_at.is_not(None))
        with self._database.write() as connection:
            left = select(bulk_items.c.bulk_id, bulk_items.c.task_id).where(bulk_items.c.bulk_id.in_(over)).limit(limit)
            items = connection.execute(left).all()
            for bulk_id in {item.bulk_id for item in items}:
                ids = [item.task_id for item in items if item.bulk_id == bulk_id]
                _forget_items(connection, bulk_id, ids)
            connection.execute(delete(bulks).where(bulks.c.finished_at < now_plus(-keep_s)))
        return len(items)


def _next_items(connection: Connection, bulk_id: UUID) -> list[UUID]:
    items = bulk_items.c
    statement = select(items.task_id).where(items.bulk_id == bulk_id).order_by(items.task_id).limit(STEP)
    return list(connection.scalars(statement))


def _forget_items(connection: Connection, bulk_id: UUID, ids: Sequence[UUID]) -> None:
    connection.execute(delete(bulk_items).where(bulk_items.c.bulk_id == bulk_id, bulk_items.c.task_id.in_(ids)))


def _act(connection: Connection, bulk: Bulk, ids: Sequence[UUID], again: Again) -> Done:
    # In one order, so that two who want the same rows wait for each other instead of deadlocking.
    these = tasks.c.id.in_(ids) & tasks.c.id.between(ids[0], ids[-1])
    connection.execute(select(tasks.c.id).where(these).order_by(tasks.c.id).with_for_update()).all()
    match bulk.action:
        case BulkAction.CANCEL:
            rows = cancel(connection, ids, bulk.reason or "cancelled in bulk")
            return Done(succeeded=len(rows), settled=settled(rows))
        case BulkAction.RETRY:
            return _retry(connection, ids, again)
        case BulkAction.DELETE:
            removed = remove(connection, ids)
            return Done(succeeded=len(removed), changed=removed)


def _retry(connection: Connection, ids: Sequence[UUID], again: Again) -> Done:
    """A new task for each that is over and was not retried: named in its row by the same transaction."""
    columns = [column for column in COLUMNS if column.name not in _LEFT_OUT]
    free = (
        select(*columns)
        .where(tasks.c.id.in_(ids), tasks.c.id.between(ids[0], ids[-1]))
        .where(tasks.c.state.not_in(LIVE), tasks.c.retried_as.is_(None))
    )
    over = [task_of(row, left_out=_LEFT_OUT) for row in connection.execute(free).mappings()]
    done, new = Done(), dict[UUID, NewTask]()
    for id_, made in again(over, missing_in(connection)).items():
        if isinstance(made, NewTask):
            new[id_] = made
        else:
            done.errors.append({"task_id": str(id_), "message": made.reason})
    if new:
        numbers = {old: row.id for old, row in new.items()}
        connection.execute(
            update(tasks)
            .where(tasks.c.id.in_(numbers), tasks.c.id.between(min(numbers), max(numbers)))
            .values(retried_as=case(numbers, value=tasks.c.id))
        )
        insert_rows(connection, list(new.values()), RELAYED_AT_ONCE_S)
    done.succeeded, done.changed = len(new), list(new)
    return done


def _note(connection: Connection, bulk: Bulk, ids: Sequence[UUID], done: Done) -> None:
    """That these tasks were dealt with; when they were the last, that all are."""
    _forget_items(connection, bulk.id, ids)
    values: dict[str, Any] = {
        "succeeded": bulk.succeeded + done.succeeded,
        "failed": bulk.failed + len(done.errors),
        "skipped": bulk.skipped + len(ids) - done.succeeded - len(done.errors),
        "errors": [*bulk.errors, *done.errors][:KEEP_ERRORS],
        "turn_at": now_plus(0),
    }
    if len(ids) < STEP:
        values |= {"state": BulkState.DONE, "finished_at": now_plus(0)}
    connection.execute(update(bulks).where(bulks.c.id == bulk.id).values(**values))


def _get(connection: Connection, bulk_id: UUID) -> Bulk:
    row = connection.execute(select(bulks).where(bulks.c.id == bulk_id)).mappings().one_or_none()
    if row is None:
        raise BulkNotFound
    return _bulk(row)


def _bulk(row: RowMapping) -> Bulk:
    values = {name: value for name, value in row.items() if name != "turn_at"}
    return Bulk(**values | {"action": BulkAction(row["action"]), "state": BulkState(row["state"])})
