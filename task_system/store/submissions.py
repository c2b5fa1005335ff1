"""Recording submissions: many rows, one INSERT, one COMMIT."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, TextClause, select, text
from sqlalchemy.dialects.sqlite import insert

from task_system.model.states import State
from task_system.model.task import Extras, NewTask, Recorded
from task_system.model.task_events import TaskEvent
from task_system.store.database import Database
from task_system.store.event_log import append, append_sql, event_of
from task_system.store.tables import tasks
from task_system.store.types import now_of, now_plus

#: The API publishes what is due itself, at once. What is still unconfirmed after this long is the relay's, in seconds.
INLINE_GRACE_S = 5.0
#: Where nobody but the relay publishes them.
RELAYED_AT_ONCE_S = 0.0
_EXTRAS = tuple(field.name for field in fields(Extras))


_TELL = append_sql("accepted", event="'task.accepted'", state="'PENDING'", attempt="0")


# One parameter however many rows: JSON is quick to make and to take apart, and a new column is one more line.
def _insert(columns: str = "", values: str = "", read: str = "") -> TextClause:
    return text(
        f"""
        WITH accepted AS (
        INSERT INTO tasks (id, namespace, task_type, queue, priority, parameters, max_attempts, timeout_s,
                           created_at, run_at, relay_at{columns})
        SELECT n.id, n.namespace, n.task_type, n.queue, n.priority, n.parameters, n.max_attempts, n.timeout_s,
               now(), due.at,
               CASE WHEN due.at > now() THEN due.at ELSE now() + :grace_s * interval '1 second' END{values}
          FROM jsonb_to_recordset(CAST(:rows AS jsonb))
               AS n(id uuid, namespace text, task_type text, queue text, priority text, parameters jsonb,
                    max_attempts int, timeout_s float8, delay_s float8, run_at timestamptz{read}),
               LATERAL (SELECT coalesce(n.run_at, now() + n.delay_s * interval '1 second')) AS due(at)
        ON CONFLICT (id) DO NOTHING
        RETURNING id, task_type, queue, tags, created_at, run_at
        ), told AS ({_TELL})
        SELECT id, created_at, run_at, run_at <= now() AS due FROM accepted
        """  # noqa: S608 - no caller's text
    )


_INSERT_POSTGRESQL = _insert()
# Most submissions say none of these, and do not pay for them.
_INSERT_POSTGRESQL_EXTRAS = _insert(
    ", tags, metadata, expires_at, retry_of, batch_id, schedule_id",
    ", n.tags, n.metadata, now() + n.expires_in_s * interval '1 second', n.retry_of, n.batch_id, n.schedule_id",
    ", tags jsonb, metadata jsonb, expires_in_s float8, retry_of uuid, batch_id uuid, schedule_id uuid",
)


class Submissions:
    """What the API asks of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, rows: Sequence[NewTask]) -> dict[UUID, Recorded]:
        """Commit these rows. On return they are on disk. For one thread.

        Recording the same rows again is harmless, which makes it safe to repeat after a connection broke during the
        commit, when nobody knows whether it happened. Raises StoreUnavailable.
        """
        recorded = self._insert(rows)
        missing = [row.id for row in rows if row.id not in recorded]
        if missing:
            with self._database.read() as connection:
                recorded |= _select(connection, missing)
        return recorded

    def _insert(self, rows: Sequence[NewTask]) -> dict[UUID, Recorded]:
        if self._database.is_postgresql:
            return _recorded(self._database.standing.execute(*_insertion(rows, INLINE_GRACE_S)))
        with self._database.write() as connection:
            return _insert_sqlite(connection, rows, INLINE_GRACE_S)


def insert_rows(
    connection: Connection, rows: Sequence[NewTask], grace_s: float = INLINE_GRACE_S
) -> dict[UUID, Recorded]:
    """Insert these rows in somebody's transaction. Those that were there before are missing from the answer.

    grace_s: how long the relay leaves what is due to whoever inserts, in seconds.
    """
    if connection.dialect.name == "postgresql":
        return _recorded(connection.execute(*_insertion(rows, grace_s)))
    return _insert_sqlite(connection, rows, grace_s)


def _insertion(rows: Sequence[NewTask], grace_s: float) -> tuple[TextClause, dict[str, Any]]:
    """PostgreSQL's statement and its values."""
    encoded = orjson.dumps(
        [
            {
                "id": row.id,
                "namespace": row.namespace,
                "task_type": row.task_type,
                "queue": row.queue,
                "priority": row.priority,
                "parameters": orjson.Fragment(row.parameters),
                "max_attempts": row.max_attempts,
                "timeout_s": row.timeout_s,
                "delay_s": row.delay_s,
                "run_at": row.run_at,
                **({} if row.extras is None else _said(row.extras)),
            }
            # In one order, so that two who record the same rows wait for each other instead of deadlocking.
            for row in sorted(rows, key=lambda row: row.id)
        ]
    )
    plain = all(row.extras is None for row in rows)
    statement = _INSERT_POSTGRESQL if plain else _INSERT_POSTGRESQL_EXTRAS
    return statement, {"rows": encoded.decode(), "grace_s": grace_s}


def _recorded(answer: Iterable[Any]) -> dict[UUID, Recorded]:
    return {
        id_: Recorded(id=id_, created_at=created_at, run_at=run_at, due=due) for id_, created_at, run_at, due in answer
    }


def _insert_sqlite(connection: Connection, rows: Sequence[NewTask], grace_s: float) -> dict[UUID, Recorded]:
    now = now_of(connection)
    recorded = {}
    values = []
    for row in rows:
        run_at = row.run_at or now + timedelta(seconds=row.delay_s)
        due = run_at <= now
        relay_at = now + timedelta(seconds=grace_s) if due else run_at
        recorded[row.id] = Recorded(id=row.id, created_at=now, run_at=run_at, due=due)
        values.append(
            {
                "id": row.id,
                "namespace": row.namespace,
                "task_type": row.task_type,
                "queue": row.queue,
                "priority": row.priority,
                "parameters": orjson.loads(row.parameters),
                "max_attempts": row.max_attempts,
                "timeout_s": row.timeout_s,
                "created_at": now,
                "run_at": run_at,
                "relay_at": relay_at,
                **_extra_columns(row.extras or Extras(), now),
            }
        )
    inserted = connection.execute(insert(tasks).on_conflict_do_nothing(index_elements=[tasks.c.id]), values).rowcount
    if inserted == len(rows):
        append(connection, (_accepted(value) for value in values))
        return recorded
    # Where some were there before, the table knows what was recorded then, and which were not.
    new = set(connection.scalars(select(tasks.c.id).where(tasks.c.id.in_(recorded), tasks.c.created_at == now)))
    append(connection, (_accepted(value) for value in values if value["id"] in new))
    return {}


def _accepted(values: dict[str, Any]) -> TaskEvent:
    return event_of({**values, "state": State.PENDING, "attempt": 0}, event="task.accepted")


def _said(extras: Extras) -> dict[str, Any]:
    """What was said, by name."""
    return {name: value for name in _EXTRAS if (value := getattr(extras, name)) is not None}


def _extra_columns(extras: Extras, now: datetime) -> dict[str, Any]:
    values = {name: getattr(extras, name) for name in _EXTRAS}
    expires_in_s = values.pop("expires_in_s")
    values["expires_at"] = None if expires_in_s is None else now + timedelta(seconds=expires_in_s)
    return values


def _select(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Recorded]:
    statement = select(tasks.c.id, tasks.c.created_at, tasks.c.run_at, tasks.c.run_at <= now_plus(0)).where(
        tasks.c.id.in_(ids)
    )
    return {
        id_: Recorded(id=id_, created_at=created, run_at=run_at, due=due)
        for id_, created, run_at, due in connection.execute(statement)
    }
