"""What handlers logged: in parts, one for what an attempt said within about a second.

A task's log is bounded. When it is full the oldest parts go, and the newest says how many lines went with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection, delete, func, insert, select, tuple_, update

from task_system.model.errors import TaskNotFound
from task_system.model.states import LIVE
from task_system.store.database import Database
from task_system.store.tables import task_logs, tasks

#: Of a task, in bytes; and what is left of it when it was full.
MAX_BYTES, KEEP_BYTES = 1_000_000, 875_000
#: A part is no larger, so that not too much goes at once.
PART_BYTES = 50_000
#: What a line costs besides its texts.
LINE_BYTES = 40

#: When (seconds since 1970), level, logger, message.
Line = tuple[float, str, str, str]
#: Behind which line: attempt, part, and its place there.
Position = tuple[int, int, int]


def size_of(line: Line) -> int:
    """What it counts, in bytes; near enough."""
    return LINE_BYTES + len(line[2].encode()) + len(line[3].encode())


@dataclass(slots=True)
class AttemptLog:
    """How far an attempt's log has been written. The attempt's own process keeps it."""

    task_id: UUID
    attempt: int
    part: int = 0
    #: Of the task, with earlier attempts; None where that is not known yet.
    stored_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class LogPage:
    """Lines in order, each with its attempt; behind which position they end, and whether there are more."""

    lines: list[tuple[int, Line]] = field(default_factory=list)
    end: Position = (0, 0, -1)
    more: bool = False
    #: Lines of the whole task that are gone.
    dropped: int = 0
    #: Whether the task may still say something.
    live: bool = False


class TaskLogs:
    """Written by the processes that run attempts, read by the API."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, log: AttemptLog, lines: Sequence[Line], dropped: int = 0) -> None:
        """Write what an attempt said, and say so in `log`. Raises StoreUnavailable; then `log` is as it was.

        dropped: how many lines before these were not kept.
        """
        parts = list(_parts(log, lines, dropped))
        with self._database.write() as connection:
            stored = log.stored_bytes
            if stored is None:
                stored = _stored(connection, log.task_id) if log.attempt > 1 else 0
            connection.execute(insert(task_logs), parts)
            stored += sum(part["size"] for part in parts)
            if stored > MAX_BYTES:
                stored = _trim(connection, log.task_id)
        log.part += len(parts)
        log.stored_bytes = stored

    def read(self, task_id: UUID, *, after: Position, attempt: int | None, limit: int) -> LogPage:
        """Up to `limit` lines behind a position. Raises TaskNotFound, StoreUnavailable."""
        this = task_logs.c.task_id == task_id
        statement = (
            select(task_logs.c.attempt, task_logs.c.part, task_logs.c.lines)
            .where(this, tuple_(task_logs.c.attempt, task_logs.c.part) >= tuple_(*after[:2]))
            .order_by(task_logs.c.attempt, task_logs.c.part)
        )
        if attempt is not None:
            statement = statement.where(task_logs.c.attempt == attempt)
        with self._database.read() as connection:
            state = connection.scalar(select(tasks.c.state).where(tasks.c.id == task_id))
            if state is None:
                raise TaskNotFound(task_id=str(task_id))
            dropped = connection.scalar(select(func.coalesce(func.sum(task_logs.c.dropped), 0)).where(this))
            page = LogPage(end=after, dropped=int(dropped or 0), live=state in LIVE)
            return _fill(page, connection.execute(statement), limit)


def _fill(page: LogPage, parts: Any, limit: int) -> LogPage:
    lines, end = page.lines, page.end
    for attempt, part, encoded in parts:
        begin = end[2] + 1 if (attempt, part) == end[:2] else 0
        for index, line in enumerate(orjson.loads(encoded)[begin:], begin):
            if len(lines) == limit:
                return LogPage(lines, end, more=True, dropped=page.dropped, live=page.live)
            lines.append((attempt, tuple(line)))
            end = (attempt, part, index)
    return LogPage(lines, end, dropped=page.dropped, live=page.live)


def _parts(log: AttemptLog, lines: Sequence[Line], dropped: int) -> Any:
    number, size, some = log.part, 0, list[Line]()

    def part() -> dict[str, Any]:
        return {
            "task_id": log.task_id,
            "attempt": log.attempt,
            "part": number,
            "size": size,
            "count": len(some),
            "dropped": dropped,
            "lines": orjson.dumps(some).decode(),
        }

    for line in lines:
        if some and size + size_of(line) > PART_BYTES:
            yield part()
            number, size, some, dropped = number + 1, 0, [], 0
        some.append(line)
        size += size_of(line)
    yield part()


def _stored(connection: Connection, task_id: UUID) -> int:
    return int(
        connection.scalar(select(func.coalesce(func.sum(task_logs.c.size), 0)).where(task_logs.c.task_id == task_id))
        or 0
    )


def _trim(connection: Connection, task_id: UUID) -> int:
    """Remove the oldest parts; answers how many bytes are left."""
    this = task_logs.c.task_id == task_id
    key = tuple_(task_logs.c.attempt, task_logs.c.part)
    columns = (task_logs.c.attempt, task_logs.c.part, task_logs.c.size, task_logs.c.count, task_logs.c.dropped)
    *older, newest = connection.execute(select(*columns).where(this).order_by(*key.clauses)).all()
    left, gone = newest.size + sum(part.size for part in older), 0
    last = None
    for part in older:
        if left <= KEEP_BYTES:
            break
        left -= part.size
        gone += part.count + part.dropped
        last = part
    if last is not None:
        connection.execute(delete(task_logs).where(this, key <= tuple_(last.attempt, last.part)))
        of_newest = this & (key == tuple_(newest.attempt, newest.part))
        connection.execute(update(task_logs).where(of_newest).values(dropped=task_logs.c.dropped + gone))
    return int(left)
