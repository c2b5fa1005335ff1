"""The books: rollups and the ledger, into which each event is entered exactly once.

A page of the event log, what it adds, and the place behind it are one transaction. Whoever comes to the same page
second finds the place moved, and enters nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, delete, exists, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from task_system.model.errors import CursorTooOld
from task_system.model.histogram import Histogram
from task_system.model.ids import first_id_at
from task_system.model.tally import ACCOUNTS, COUNTS, Key, Rollup, Tally, floor
from task_system.store.database import Database
from task_system.store.event_log import batches_after, beginning
from task_system.store.tables import books, event_batches, ledger, rollups, tasks
from task_system.store.types import now_of, now_plus

#: Steps of rollups, and for how long each is kept, in seconds. Each event counts in all of them.
STEPS = {60: 2 * 86_400, 600: 8 * 86_400, 3600: 31 * 86_400}
LEDGER_KEPT_S = 31 * 86_400
#: How often the place is written where nothing happens.
IDLE = timedelta(seconds=5)
_ID = 1


@dataclass(frozen=True, slots=True)
class Place:
    """How far the books have come."""

    cursor: str
    #: All that was committed by then is in them.
    as_of: datetime
    #: All that was accepted in the minutes after that one is in them.
    since: datetime


class Books:
    """What the keeper asks of the store about the books. Any number of keepers may ask at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enter(self) -> bool:
        """Enter what comes next in the event log; answers whether there is more. Raises StoreUnavailable."""
        with self._database.read() as connection:
            place = place_of(connection)
            now = now_of(connection)
            try:
                batches = batches_after(connection, place.cursor) if place else None
            except CursorTooOld:
                batches = None
        if place is None or batches is None:
            return self._begin()
        if not batches.rows and now - place.as_of < IDLE:
            return batches.more
        tally = Tally()
        for at, events in batches.rows:
            tally.count(at, events)
        with self._database.write() as connection:
            if _move(connection, place.cursor, batches.cursor, place.as_of if batches.more else now):
                _enter(connection, tally, place.since)
        return batches.more

    def prune(self) -> None:
        """Remove what is older than anybody may ask for. Raises StoreUnavailable."""
        with self._database.write() as connection:
            for step_s, kept_s in STEPS.items():
                connection.execute(delete(rollups).where(rollups.c.step_s == step_s, rollups.c.at < now_plus(-kept_s)))
            connection.execute(delete(ledger).where(ledger.c.minute < now_plus(-LEDGER_KEPT_S)))

    def _begin(self) -> bool:
        """Begin with all that is in the log. Of what was accepted before nothing is known, and nothing is said."""
        with self._database.write() as connection:
            start, now = beginning(connection), now_of(connection)
            since = _known_since(connection, connection.scalar(select(func.min(event_batches.c.at))) or now)
            connection.execute(delete(books))
            connection.execute(delete(ledger))
            connection.execute(insert(books).values(id=_ID, cursor=start, as_of=since, since=since))
        return True


def place_of(connection: Connection) -> Place | None:
    """How far the books have come; None before they are begun."""
    row = connection.execute(select(books.c.cursor, books.c.as_of, books.c.since)).one_or_none()
    return Place(*row) if row else None


def rollup_of(row: RowMapping) -> Rollup:
    """A row of the table."""
    rollup = Rollup()
    rollup.counts.update({name: row[name] for name in COUNTS})
    rollup.wait_ms = _histogram(row["wait_ms"])
    rollup.run_ms = _histogram(row["run_ms"])
    return rollup


def _known_since(connection: Connection, told_since: datetime) -> datetime:
    """Where there are no older tasks, nothing of the first minute is missing."""
    older = select(tasks.c.id).where(tasks.c.id < first_id_at(told_since - timedelta(seconds=5)))
    return told_since if connection.scalar(select(exists(older))) else told_since - timedelta(minutes=1)


def _move(connection: Connection, before: str, behind: str, as_of: datetime) -> bool:
    """Move on from that place; answers whether the books were still there."""
    statement = update(books).where(books.c.id == _ID, books.c.cursor == before).values(cursor=behind, as_of=as_of)
    return connection.execute(statement).rowcount == 1


def _enter(connection: Connection, tally: Tally, since: datetime) -> None:
    for step_s in STEPS:
        steps: dict[Key, Rollup] = {}
        for key, rollup in tally.rollups.items():
            steps.setdefault(Key(floor(key.at, step_s), key.task_type, key.queue), Rollup()).add(rollup)
        if steps:
            _add_rollups(connection, step_s, steps)
    accounts = [
        {"minute": minute, **{name: counts[name] for name in ACCOUNTS}}
        for minute, counts in sorted(tally.accounts.items())
        if minute > since
    ]
    if accounts:
        kind = _insert_of(connection)(ledger)
        added = {name: ledger.c[name] + kind.excluded[name] for name in ACCOUNTS}
        connection.execute(kind.on_conflict_do_update(index_elements=["minute"], set_=added), accounts)


def _add_rollups(connection: Connection, step_s: int, steps: dict[Key, Rollup]) -> None:
    there = select(rollups).where(rollups.c.step_s == step_s, rollups.c.at.in_({key.at for key in steps}))
    for row in connection.execute(there).mappings():
        if rollup := steps.get(Key(row["at"], row["task_type"], row["queue"])):
            rollup.add(rollup_of(row))
    rows = [
        {
            "step_s": step_s,
            "at": key.at,
            "task_type": key.task_type,
            "queue": key.queue,
            **{name: rollup.counts[name] for name in COUNTS},
            "wait_ms": _json(rollup.wait_ms),
            "run_ms": _json(rollup.run_ms),
        }
        for key, rollup in steps.items()
    ]
    kind = _insert_of(connection)(rollups)
    replaced = {name: kind.excluded[name] for name in (*COUNTS, "wait_ms", "run_ms")}
    keys = ["step_s", "at", "task_type", "queue"]
    connection.execute(kind.on_conflict_do_update(index_elements=keys, set_=replaced), rows)


def _insert_of(connection: Connection) -> Any:
    return postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert


def _histogram(stored: str) -> Histogram:
    return Histogram({int(bucket): count for bucket, count in orjson.loads(stored).items()})


def _json(histogram: Mapping[int, int]) -> str:
    return orjson.dumps({str(bucket): count for bucket, count in sorted(histogram.items())}).decode()
