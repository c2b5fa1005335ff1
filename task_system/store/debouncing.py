"""Submissions of which the latest wins: as long as the task waits, what comes later replaces it and puts it off.

The constraint on the key decides, however many try at once: whoever holds the key's row looks for its task, and
replaces that, or records another, in the same transaction.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, select, update

from task_system.model.states import State
from task_system.model.task import Dispatch, NewTask
from task_system.store.acting import dispatched_anew
from task_system.store.database import Database
from task_system.store.event_log import TOLD, append, event_of
from task_system.store.idempotency import hold, insert_one, point
from task_system.store.tables import tasks
from task_system.store.types import now_of

#: A key is known for this much longer than its task may be put off, in seconds: it may have to wait for a slot.
KEEP_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Debounce:
    """Under which key the latest wins, and for how long it is waited for another, in seconds."""

    key: str
    wait_s: float
    #: From the first one on, whatever comes.
    max_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Debounced:
    """The task that a submission became, and whether it replaced what that was before."""

    task_id: UUID
    created_at: datetime
    run_at: datetime
    replaced: bool
    #: To be published now.
    dispatch: Dispatch | None = None


class Debouncing:
    """Safe to ask from any number of processes at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, row: NewTask, debounce: Debounce) -> Debounced:
        """Commit this row, or what it says as that of the task that waits. Raises InvalidSubmission, StoreUnavailable.

        row: due after `wait_s`.
        """
        with self._database.write() as connection:
            holder = hold(connection, row, debounce.key, debounce.max_s + KEEP_S)
            if holder != row.id:
                if replaced := _replace(connection, holder, row, debounce):
                    return replaced
                point(connection, row, debounce.key)
            recorded = insert_one(connection, row)
        return Debounced(task_id=row.id, created_at=recorded.created_at, run_at=recorded.run_at, replaced=False)


def _replace(connection: Connection, task_id: UUID, row: NewTask, debounce: Debounce) -> Debounced | None:
    """Make the task this row, if it still waits for its first attempt."""
    waiting = select(tasks.c.created_at, tasks.c.run_at, tasks.c.queue).where(
        tasks.c.id == task_id, tasks.c.state == State.PENDING, tasks.c.attempt == 0
    )
    old = connection.execute(waiting.with_for_update()).one_or_none()
    if old is None:
        return None
    now = now_of(connection)
    run_at = min(now + timedelta(seconds=debounce.wait_s), old.created_at + timedelta(seconds=debounce.max_s))
    values = _said(row, now)
    if run_at > now or old.run_at > now or old.queue != row.queue:
        values |= {"run_at": run_at, **dispatched_anew(run_at, now)}
    # Otherwise it is due, and was put off long enough: its message stays good, and finds other parameters.
    statement = update(tasks).where(tasks.c.id == task_id).values(**values)
    changed = connection.execute(statement.returning(*TOLD, tasks.c.dispatch_no, tasks.c.run_at)).one()
    append(connection, [event_of(changed._mapping, event="task.changed")])
    due = "dispatch_no" in values and changed.run_at <= now
    return Debounced(
        task_id=task_id,
        created_at=old.created_at,
        run_at=changed.run_at,
        replaced=True,
        dispatch=Dispatch(task_id, changed.dispatch_no, changed.queue, changed.task_type) if due else None,
    )


def _said(row: NewTask, now: datetime) -> dict[str, Any]:
    """The columns of what a caller says of a task."""
    extras = row.extras
    expires_in_s = extras.expires_in_s if extras else None
    return {
        "parameters": orjson.loads(row.parameters),
        "priority": row.priority,
        "queue": row.queue,
        "max_attempts": row.max_attempts,
        "timeout_s": row.timeout_s,
        "tags": extras.tags if extras else None,
        "metadata": extras.metadata if extras else None,
        "expires_at": None if expires_in_s is None else now + timedelta(seconds=expires_in_s),
    }
