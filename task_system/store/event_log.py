"""The event log: what became of tasks, written in the transactions that changed them, read in the order of commits.

One row is what one transaction, or one statement, told. Nobody's change waits for anybody else's: rows are numbered
before they are committed, so a reader cannot go by the numbers alone. On PostgreSQL it goes by what its snapshot sees
and the one before did not; on SQLite writers take turns, and numbers do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row, RowMapping, delete, select, text
from sqlalchemy.exc import DataError

from task_system.model.errors import CursorTooOld
from task_system.model.states import State
from task_system.model.task_events import EVENT_OF, FIELDS, TaskEvent, stored, told
from task_system.store.database import Database
from task_system.store.event_cursor import Cursor
from task_system.store.tables import books, event_batches, tasks
from task_system.store.types import now_of

#: For how long a reader that was away finds what it missed, in seconds.
KEEP_S = 3600.0
#: Rows live longer, so that whoever comes just in time still finds them.
PRUNE_AFTER_S = KEEP_S + 60.0
#: Rows of one look.
ROWS = 500
#: The place of an event that no row has: behind all of a row's.
_WHOLE = 999_999_999
#: No transaction takes longer, in seconds.
COMMITTED_WITHIN_S = 120.0
#: What the books could not enter for so long is given up, in seconds.
GIVE_UP_AFTER_S = 86_400.0
#: The columns that `event_of` wants to know of a row.
TOLD = (
    tasks.c.id,
    tasks.c.task_type,
    tasks.c.queue,
    tasks.c.state,
    tasks.c.tags,
    tasks.c.attempt,
    tasks.c.created_at,
)
_APPEND = {
    "postgresql": text(
        "INSERT INTO event_batches (xid, at, events) VALUES (pg_current_xact_id(), now(), CAST(:events AS text))"
    ),
    "sqlite": text("INSERT INTO event_batches (at, events) VALUES (utc_now(0), :events)"),
}
_NAME_OF_STATE = " ".join(f"WHEN '{state}' THEN '{name}'" for state, name in EVENT_OF.items())


def append(connection: Connection, events: Iterable[TaskEvent]) -> None:
    """Tell of these changes, in the transaction that makes them. No events, no row."""
    if values := [stored(event) for event in events]:
        connection.execute(_APPEND[connection.dialect.name], {"events": orjson.dumps(values).decode()})


def event_of(row: RowMapping | dict[str, Any], /, **more: Any) -> TaskEvent:
    """What is to be told of a row with the columns TOLD, as it is after the change. `more` says more, or otherwise."""
    return {
        "event": EVENT_OF[State(row["state"])],
        "task_id": row["id"],
        **{name: row[name] for name in ("task_type", "queue", "state", "tags", "attempt", "created_at")},
        **more,
    }


def milliseconds(start: datetime | None, end: datetime) -> float | None:
    """How long that was, as events say it."""
    return None if start is None else max(0.0, round((end - start).total_seconds() * 1000, 3))


def append_sql(changed: str, **expressions: str) -> str:
    """For PostgreSQL: an INSERT that tells of the rows of a CTE, which is part of the statement that changes them.

    changed: the CTE's name. expressions: SQL for what its columns (those of TOLD, but for the state's) do not say.
    """
    given = {name: name for name in ("task_type", "queue", "state", "tags", "attempt", "created_at")}
    given |= {"event": f"CASE state {_NAME_OF_STATE} END", "task_id": "id"} | expressions
    last = max(FIELDS.index(name) for name in given)
    values = ", ".join(given.get(name, "NULL") for name in FIELDS[: last + 1])
    return (
        "INSERT INTO event_batches (xid, at, events)"  # noqa: S608 - no caller's text
        f" SELECT pg_current_xact_id(), now(), CAST(json_agg(json_build_array({values})) AS text)"
        f" FROM {changed} HAVING count(*) > 0"
    )


def milliseconds_sql(since: str) -> str:
    """For PostgreSQL: how long ago that was, as events say it."""
    return f"round(extract(epoch FROM now() - {since}) * 1000, 3)"


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order, each with the cursor behind it; the cursor behind them all; whether there are more."""

    events: list[tuple[str, TaskEvent]]
    cursor: str
    more: bool


@dataclass(frozen=True, slots=True)
class Batches:
    """Rows of the log, whole: when each was told, and its events as they are stored; the cursor behind them."""

    rows: list[tuple[datetime, list[list[Any]]]]
    cursor: str
    #: Whether there is more behind it.
    more: bool


class EventLog:
    """Reads the log. Cursors are opaque, hold in every process, and for KEEP_S."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self) -> str:
        """The cursor behind all that was committed by now. Raises StoreUnavailable."""
        with self._database.read() as connection:
            return str(_head(connection))

    def after(self, cursor: str, limit: int = 1000, until: str | None = None) -> Page:
        """What was committed after the cursor, and before `until` where that is given: a later one, of `head`.

        Raises CursorTooOld when some of it is no longer kept, or the cursor is none of this log; StoreUnavailable.
        """
        position = Cursor.parse(cursor)
        with self._database.read() as connection:
            now = _head(connection)
            if position is None or not position.is_kept(now, KEEP_S):
                raise CursorTooOld
            try:
                return _page(connection, position, (Cursor.parse(until) if until else None) or now, limit)
            except DataError as error:  # of what looks like a snapshot, and is none
                raise CursorTooOld from error

    def prune(self, limit: int) -> int:
        """Remove up to `limit` rows that are older than anybody may ask for; answers how many.

        What is not entered in the books waits for them. If that takes too long it is given up, and they begin anew.
        """
        oldest = select(event_batches.c.id).order_by(event_batches.c.id).limit(limit)
        with self._database.write() as connection:
            now = now_of(connection)
            as_of: datetime = connection.scalar(select(books.c.as_of)) or now
            entered = as_of - timedelta(seconds=COMMITTED_WITHIN_S)
            given_up = now - timedelta(seconds=GIVE_UP_AFTER_S)
            before = min(now - timedelta(seconds=PRUNE_AFTER_S), max(entered, given_up))
            count = connection.execute(
                delete(event_batches).where(event_batches.c.id.in_(oldest), event_batches.c.at < before)
            ).rowcount
            if count and before > entered:
                connection.execute(delete(books))
        return count


def beginning(connection: Connection) -> str:
    """The cursor before all that is there."""
    mark = "3:3:" if connection.dialect.name == "postgresql" else "0"
    return str(replace(_head(connection), seen=mark, shown=mark))


def batches_after(connection: Connection, cursor: str, limit: int = ROWS) -> Batches:
    """Up to `limit` rows that were committed after the cursor, however long ago. Raises CursorTooOld for no cursor."""
    position = Cursor.parse(cursor)
    if position is None:
        raise CursorTooOld
    end = _head(connection)
    if position.at_rest:
        position = position.on_to(end)
    rows = _rows(connection, position, limit)
    events = [(row.at, orjson.loads(row.events)) for row in rows if row.id != position.row]
    if len(rows) == limit:
        return Batches(events, str(position.at(rows[-1].id, _WHOLE)), more=True)
    return Batches(events, str(position.rest()), more=position.shown != end.shown)


def _head(connection: Connection) -> Cursor:
    if connection.dialect.name == "postgresql":
        statement = text("SELECT CAST(pg_current_snapshot() AS text), now()")
        shown, now = connection.execute(statement).one()
    else:
        statement = text("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event_batches'")
        shown, now = connection.scalar(statement), datetime.now(UTC)
    return Cursor(seen=str(shown), shown=str(shown), at_ms=round(now.timestamp() * 1000))


def _page(connection: Connection, position: Cursor, end: Cursor, limit: int) -> Page:
    while True:
        if position.at_rest:
            position = position.on_to(end)
        events, all_of_it = _read(connection, position, limit)
        if not all_of_it:
            return Page(events, events[-1][0], more=True)
        if position.shown == end.shown:
            return Page(events, str(end), more=False)
        position = position.rest()
        if events:
            return Page(events, str(position), more=True)


_READ_POSTGRESQL = text(
    """
    SELECT id, at, events FROM event_batches
     WHERE xid >= pg_snapshot_xmin(CAST(:seen AS pg_snapshot))
       AND NOT pg_visible_in_snapshot(xid, CAST(:seen AS pg_snapshot))
       AND pg_visible_in_snapshot(xid, CAST(:shown AS pg_snapshot))
       AND id >= :row
     ORDER BY id LIMIT :rows
    """
).columns(event_batches.c.id, event_batches.c.at, event_batches.c.events)
_READ_SQLITE = text(
    "SELECT id, at, events FROM event_batches WHERE id > :seen AND id <= :shown AND id >= :row ORDER BY id LIMIT :rows"
).columns(event_batches.c.id, event_batches.c.at, event_batches.c.events)


def _rows(connection: Connection, position: Cursor, limit: int) -> Sequence[Row[Any]]:
    statement = _READ_POSTGRESQL if connection.dialect.name == "postgresql" else _READ_SQLITE
    where = {"seen": position.seen, "shown": position.shown, "row": position.row, "rows": limit}
    return connection.execute(statement, where).all()


def _read(connection: Connection, position: Cursor, limit: int) -> tuple[list[tuple[str, TaskEvent]], bool]:
    """What is to be shown behind a position, and whether that is all of it."""
    events: list[tuple[str, TaskEvent]] = []
    if position.at_rest:
        return events, True
    rows = _rows(connection, position, ROWS)
    for row in rows:
        behind = position.index + 1 if row.id == position.row else 0
        for index, values in enumerate(orjson.loads(row.events)[behind:], behind):
            if len(events) == limit:
                return events, False
            events.append((str(position.at(row.id, index)), told(values, row.at)))
    return events, len(rows) < ROWS
