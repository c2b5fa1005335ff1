"""What a search can walk along: indexes that have the order of ids.

No index has all tasks that wait, because each would cost every submission. What is published is found by its queue;
what is parked or not due by its state; and what is on its way to the broker by the relay's index, which does not have
the order of ids, but few such rows. Where they are many, they are the newest there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, Text, and_, func, literal, null, select, text, true, union_all
from sqlalchemy.dialects.postgresql import ARRAY

from task_system.model.routing import LANES, PRIORITIES, queues_of
from task_system.model.states import State
from task_system.store.tables import LISTED_STATES, PUBLISHED, tasks
from task_system.store.types import now_plus

#: Rows on their way to the broker: so many are gathered and sorted.
MOST_UNCONFIRMED = 1000
#: Waiting rows that are looked through for a task type.
MOST_LOOKED_THROUGH = 1000
#: The relay puts off what it handed on, and what failed to be delivered, by less than this, in seconds.
_SOON_S = 60.0
QUEUES = queues_of(LANES)
#: Due when they came.
FRESH = tasks.c.run_at <= tasks.c.created_at
#: On their way: nobody has them yet, and the relay will look after them.
UNCONFIRMED = FRESH & tasks.c.published_at.is_(None)
WITH_RELAY = tasks.c.priority.in_(PRIORITIES) & tasks.c.relay_at.is_not(None) & (tasks.c.relay_at <= now_plus(_SOON_S))
#: In words, for an index that has only these.
_STARTED = (tasks.c.state == State.STARTED) & text("state = 'STARTED'")
#: By the leases' index: SQLite would rather walk by id until it has met one.
_STARTED_IN_SQLITE = tasks.c.id.in_(
    select(tasks.c.id).where(text("state = 'STARTED'")).order_by(tasks.c.lease_until).limit(10_000).correlate(None)
)

Columns = Sequence[ColumnElement[Any]]
Conditions = Sequence[ColumnElement[bool]]


class Source(Protocol):
    """Rows that come in the order of ids."""

    def newest(self, columns: Columns, within: Conditions, limit: int) -> Select[Any]:
        """The query for the first of them that fit."""


@dataclass(frozen=True, slots=True)
class Along:
    """Rows that one index has together; by id, if none other."""

    condition: ColumnElement[bool]

    def newest(self, columns: Columns, within: Conditions, limit: int) -> Select[Any]:
        return select(*columns).where(self.condition, *within).order_by(tasks.c.id.desc()).limit(limit)


@dataclass(frozen=True, slots=True)
class Published:
    """Tasks in these states whose messages the broker or a worker holds, queue by queue."""

    states: Sequence[State]
    condition: ColumnElement[bool]
    postgresql: bool

    def newest(self, columns: Columns, within: Conditions, limit: int) -> Select[Any]:
        if not self.postgresql:
            return newest_of(
                [
                    Along(self._of(tasks.c.queue == queue, tasks.c.state == state))
                    for queue in QUEUES
                    for state in self.states
                ],
                columns,
                within,
                limit,
            )
        # One subquery for all queues: a branch for each would be planned for each partition.
        queue, state = each(QUEUES, "of_queue"), each(self.states, "of_state")
        one = self._of(tasks.c.queue == queue.c.name, tasks.c.state == state.c.name)
        found = Along(one).newest(columns, within, limit).lateral()
        joined = select(found).select_from(queue).join(state, true()).join(found, true())
        return joined.order_by(found.c.id.desc()).limit(limit)

    def _of(self, queue: ColumnElement[bool], state: ColumnElement[bool]) -> ColumnElement[bool]:
        return and_(text(PUBLISHED), queue, state, self.condition)


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """The few tasks that are on their way to the broker."""

    condition: ColumnElement[bool]

    def newest(self, columns: Columns, within: Conditions, limit: int) -> Select[Any]:
        all_ = (
            select(*columns).where(WITH_RELAY, UNCONFIRMED, self.condition, *within).limit(MOST_UNCONFIRMED).subquery()
        )
        return select(all_).order_by(all_.c.id.desc()).limit(limit)


def newest_of(sources: Sequence[Source], columns: Columns, within: Conditions, limit: int) -> Select[Any]:
    """The first rows of several sources that have none in common."""
    queries = [source.newest(columns, within, limit) for source in sources]
    if len(queries) == 1:
        return queries[0]
    # Each with a limit of its own: otherwise PostgreSQL gathers and sorts all of their rows.
    merged = union_all(*(select(query.subquery()) for query in queries)).subquery()
    return select(merged).order_by(merged.c.id.desc()).limit(limit)


def in_states(states: set[State], *, scheduled: bool, postgresql: bool) -> list[Source]:
    """Tasks in these states; `scheduled` adds those that are pending and not published. But for successes."""
    listed = [tasks.c.state == state for state in sorted(states - {State.PENDING, State.STARTED})]
    if scheduled or State.PENDING in states:
        parked = tasks.c.relay_at.is_(None)
        listed.append((tasks.c.state == State.PENDING) & tasks.c.published_at.is_(None) & (~FRESH | parked))
    if not postgresql:
        # SQLite takes a partial index for one whose condition stands in the query, word for word.
        listed = [condition & text(LISTED_STATES) for condition in listed]
    sources: list[Source] = [Along(condition) for condition in listed]
    if State.STARTED in states:
        sources.append(Along(_STARTED if postgresql else _STARTED_IN_SQLITE))
    if State.PENDING in states:
        sources.append(Published([State.PENDING], true(), postgresql))
    return sources


def on_the_way(
    connection: Connection,
    condition: ColumnElement[bool],
    within: Conditions,
    window: int,
    looked_through: Source | None,
) -> tuple[Source, UUID | None]:
    """Such tasks on their way to the broker, and the id below which a page must not look.

    There is one where they are many: the last of the newest `window` tasks. There is one, too, where more than
    MOST_LOOKED_THROUGH rows of `looked_through` would have to be looked at. Both are asked for in one statement.
    """
    some = select(tasks.c.id).where(WITH_RELAY, *within).limit(MOST_UNCONFIRMED).subquery()
    number = select(func.count()).select_from(some).scalar_subquery()
    last = _nth([looked_through], within, MOST_LOOKED_THROUGH).scalar_subquery() if looked_through else null()
    few, edge = connection.execute(select(number < MOST_UNCONFIRMED, last)).one()
    if few:
        return Unconfirmed(condition), edge
    not_parked = tasks.c.relay_at.is_not(None)
    edges = (edge, last_of([Along(true())], connection, within, window))
    return Along(UNCONFIRMED & not_parked & condition), max((edge for edge in edges if edge), default=None)


def last_of(sources: Sequence[Source], connection: Connection, within: Conditions, number: int) -> UUID | None:
    """The id of the row of that number; None where there are fewer."""
    found: UUID | None = connection.scalar(_nth(sources, within, number))
    return found


def _nth(sources: Sequence[Source], within: Conditions, number: int) -> Select[Any]:
    return newest_of(sources, [tasks.c.id], within, number).offset(number - 1).limit(1)


def each(values: Sequence[str], name: str) -> Any:
    """PostgreSQL: a table of these values, in its column `name`."""
    return func.unnest(literal(list(values), ARRAY(Text))).table_valued("name").render_derived(name=name)
