"""Ending what was not started in its time."""

from sqlalchemy import select, text, update

from task_system.failpoints import failpoint
from task_system.model.states import WAITING, State
from task_system.model.task import Settled
from task_system.store.database import Database
from task_system.store.event_log import append, event_of
from task_system.store.tables import tasks
from task_system.store.types import now_plus
from task_system.store.upkeep import SETTLED, settled_of


class Expiry:
    """What the expirer asks of the store. Safe to ask from many keepers at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def expire(self, limit: int) -> list[Settled]:
        """End up to `limit` waiting tasks whose `expires_at` has passed. Raises StoreUnavailable."""
        # Literals: SQLite finds a partial index by the text of its condition.
        waiting = text("state IN ('PENDING', 'RETRY') AND expires_at IS NOT NULL")
        over = (
            select(tasks.c.id)
            .where(waiting, tasks.c.expires_at <= now_plus(0))
            .order_by(tasks.c.expires_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.write() as connection:
            ids = list(connection.scalars(over))
            if not ids:
                return []
            statement = (
                update(tasks)
                .where(tasks.c.id.in_(ids), tasks.c.state.in_(WAITING))
                .values(state=State.EXPIRED, finished_at=now_plus(0), relay_at=None)
                .returning(*SETTLED)
            )
            rows = connection.execute(statement).mappings().all()
            append(connection, (event_of(row) for row in rows))
            failpoint("keeper.expirer.before_commit")
            return [settled_of(row) for row in rows]
