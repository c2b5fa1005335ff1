"""Tasks that failed for good, grouped by their fingerprint; the cost is that of the groups, not of the failures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, Connection, Row, RowMapping, Select, func, select, update

from task_system.model.failure import fingerprint, normalised
from task_system.model.states import State
from task_system.store.database import Database
from task_system.store.tables import tasks

#: Groups that are looked at.
MOST_GROUPS = 2000
#: Failures that are counted for one page, its groups having equal shares; and of one group at least.
COUNTED, LEAST_COUNTED = 100_000, 1000
#: The last ones of a group, of whose queues is told.
QUEUES_OF = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Failures that are the same."""

    failure: str
    task_type: str
    error_type: str | None
    #: With what changes from task to task folded.
    message: str
    count: int
    #: Those that were not retried by hand.
    open: int
    #: There are more than were counted; `count` and `open` are of the last ones.
    capped: bool
    first_at: datetime
    last_at: datetime
    #: The last one.
    example_task_id: UUID
    queues: list[str]


@dataclass(frozen=True, slots=True)
class Groups:
    """A page of groups, the one that failed last before the others."""

    groups: list[Group]
    more: bool


class Failures:
    """Any number may ask."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def groups(
        self, *, since: datetime | None, task_type: str | None, limit: int, after: tuple[datetime, str] | None = None
    ) -> Groups:
        """The groups that have a failure since then, after the one of that `last_at` and fingerprint.

        Raises StoreUnavailable.
        """
        with self._database.read() as connection:
            found = [
                last
                for last in _rows_of(connection, list(connection.scalars(last_of_each())))
                if (since is None or last.finished_at >= since)
                and (task_type is None or last.task_type == task_type)
                and (after is None or _place(last.finished_at, last.failure) > _place(*after))
            ]
            found.sort(key=lambda last: _place(last.finished_at, last.failure))
            most = max(LEAST_COUNTED, COUNTED // max(1, len(found[:limit])))
            groups = [_group(connection, last, since, most) for last in found[:limit]]
        return Groups(groups, len(found) > limit)


def note_failures(connection: Connection, rows: Sequence[RowMapping]) -> dict[UUID, str]:
    """Write the fingerprints of those of these rows (`id task_type state error_type error_message`) that failed.

    Answers them by id.
    """
    same: dict[str, list[UUID]] = {}
    for row in rows:
        if row["state"] == State.FAILURE:
            failure = fingerprint(row["task_type"], row["error_type"], row["error_message"])
            same.setdefault(failure, []).append(row["id"])
    for failure, ids in same.items():
        these = tasks.c.id.in_(ids) & tasks.c.id.between(min(ids), max(ids))
        connection.execute(update(tasks).where(these).values(failure=failure))
    return {id_: failure for failure, ids in same.items() for id_ in ids}


def _fingerprints() -> CTE:
    """All fingerprints there are, by one look into the index for each."""
    least = select(tasks.c.failure).where(tasks.c.failure.is_not(None)).order_by(tasks.c.failure).limit(1).subquery()
    found = select(least.c.failure).cte("found", recursive=True)
    following = (
        select(tasks.c.failure)
        .where(tasks.c.failure > found.c.failure)
        .order_by(tasks.c.failure)
        .limit(1)
        .scalar_subquery()
    )
    # Ends with a NULL.
    return found.union_all(select(following).where(found.c.failure.is_not(None)))


def last_of_each() -> Select[Any]:
    """The id of the last failure of each group."""
    found = _fingerprints()
    last = (
        select(tasks.c.id)
        .where(tasks.c.failure == found.c.failure)
        .order_by(tasks.c.finished_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(last).select_from(found).where(found.c.failure.is_not(None)).limit(MOST_GROUPS)


def _rows_of(connection: Connection, ids: Sequence[UUID]) -> list[Row[Any]]:
    # By key: joined, PostgreSQL may read the whole table for them.
    columns = (tasks.c.id, tasks.c.failure, tasks.c.task_type, tasks.c.finished_at)
    return list(connection.execute(select(*columns).where(tasks.c.id.in_(ids))))


def _place(at: datetime, failure: str) -> tuple[float, str]:
    """Sorts what failed last before the others."""
    return -at.timestamp(), failure


def _group(connection: Connection, last: Row[Any], since: datetime | None, most: int) -> Group:
    failure = last.failure
    these = select(tasks.c.finished_at, tasks.c.retried_as).where(tasks.c.failure == failure)
    if since is not None:
        these = these.where(tasks.c.finished_at >= since)
    newest = tasks.c.finished_at.desc()
    counted = these.order_by(newest).limit(most + 1).subquery()
    count, retried = connection.execute(
        select(func.count(), func.count(counted.c.retried_as)).select_from(counted)
    ).one()
    first_at = connection.execute(these.order_by(tasks.c.finished_at).limit(1)).scalar_one()
    said = connection.execute(select(tasks.c.error_type, tasks.c.error_message).where(tasks.c.id == last.id)).one()
    recent = select(tasks.c.queue).where(tasks.c.failure == failure).order_by(newest).limit(QUEUES_OF).subquery()
    return Group(
        failure=failure,
        task_type=last.task_type,
        error_type=said.error_type,
        message=normalised(said.error_message),
        count=min(count, most),
        open=min(count - retried, most),
        capped=count > most,
        first_at=first_at,
        last_at=last.finished_at,
        example_task_id=last.id,
        queues=sorted(connection.scalars(select(recent.c.queue).distinct())),
    )
