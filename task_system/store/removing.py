"""How tasks vanish: by retention, or because somebody deletes them. There is no other way."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, delete

from task_system.model.states import LIVE
from task_system.store.event_log import TOLD, append, event_of
from task_system.store.tables import attempts, task_logs, tasks


def remove(connection: Connection, ids: Sequence[UUID]) -> list[UUID]:
    """Remove those of these tasks that are over, with all that is kept of them; answers which."""
    these = tasks.c.id.in_(ids) & tasks.c.id.between(min(ids), max(ids))
    statement = delete(tasks).where(these, tasks.c.state.not_in(LIVE)).returning(*TOLD)
    rows = connection.execute(statement).mappings().all()
    removed = [row["id"] for row in rows]
    if removed:
        append(connection, (event_of(row, event="task.removed") for row in rows))
        for table in (attempts, task_logs):
            kept = table.c.task_id.in_(removed) & table.c.task_id.between(min(removed), max(removed))
            connection.execute(delete(table).where(kept))
    return removed
