"""The one UPDATE by which tasks are cancelled."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, RowMapping, case, func, update

from task_system.model.states import LIVE, State
from task_system.model.task import Settled
from task_system.model.task_events import TaskEvent
from task_system.store.event_log import TOLD, append, event_of
from task_system.store.tables import tasks
from task_system.store.types import now_plus


def cancel(connection: Connection, ids: Sequence[UUID], reason: str | None) -> Sequence[Row[Any]]:
    """End those that wait, so that they never start; ask for the end of those that run.

    Answers a row of TOLD and `finished_at` of each; those that were over, or are not there, are missing.
    """
    running = tasks.c.state == State.STARTED
    statement = (
        update(tasks)
        .where(tasks.c.id.in_(ids), tasks.c.id.between(min(ids), max(ids)), tasks.c.state.in_(LIVE))
        .values(
            state=case((running, tasks.c.state), else_=State.CANCELLED),
            finished_at=case((running, None), else_=now_plus(0)),
            relay_at=None,
            cancel_requested_at=func.coalesce(tasks.c.cancel_requested_at, now_plus(0)),
            cancel_reason=func.coalesce(tasks.c.cancel_reason, reason),
        )
        .returning(*TOLD, tasks.c.finished_at)
    )
    rows = list(connection.execute(statement))
    append(connection, (_event_of(row._mapping) for row in rows))
    return rows


def settled(rows: Sequence[Row[Any]]) -> list[Settled]:
    """Those of these that are over by it."""
    return [
        Settled(task_id=row.id, task_type=row.task_type, state=State.CANCELLED, finished_at=row.finished_at)
        for row in rows
        if row.finished_at
    ]


def _event_of(row: RowMapping) -> TaskEvent:
    """What is to be told of a row of TOLD that is over by a cancel, or is asked to end."""
    return event_of(row) if row["state"] == State.CANCELLED else event_of(row, event="task.changed")
