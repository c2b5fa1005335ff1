"""Finding tasks: pages of them, newest first, that cost the same however many there are.

A page is one walk along an index that has the order of ids: by batch, schedule, state, error or task type where the
search names one, by id otherwise. What else the search says is looked up in the rows on the way, in no more than a
window of them: a page of a search that fits few rows may be short, or empty, and still have a next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Select, select, text, true, union_all

from task_system.model.ids import made_at
from task_system.model.search.expression import (
    And,
    AtPath,
    ErrorSays,
    Expression,
    InState,
    Not,
    Or,
    When,
    Word,
    conjuncts,
)
from task_system.model.states import WAITING, State
from task_system.model.task import Task
from task_system.store.conditions import Conditions
from task_system.store.database import Database
from task_system.store.reading import COLUMNS
from task_system.store.tables import LISTED_STATES, tasks

#: Rows looked at for one page; fewer where looking costs more.
WINDOW = 5000
COSTLY_WINDOW = 1000
#: Not in lists unless asked for.
EXTRAS = ("parameters", "result")
_LEFT_OUT = {*EXTRAS, "error_traceback"}
#: Walks that are merged into one.
_MOST_WALKS = 12


@dataclass(frozen=True, slots=True)
class Page:
    """Tasks, and where the next page begins."""

    tasks: list[Task]
    #: The next page has ids below; None: there is nothing more.
    before: UUID | None = None
    #: The page ends here because enough rows were looked at, not because it is full.
    searched_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Walk:
    """One walk: conditions that an index answers in the order of ids, of which one holds; and what is left to check."""

    along: list[ColumnElement[bool]]
    within: list[ColumnElement[bool]]
    rest: And
    window: int


@dataclass(frozen=True, slots=True)
class _Along:
    conditions: list[ColumnElement[bool]]
    #: Whether no row that the walk finds must be checked again.
    exact: bool = True
    #: Whether the index does not have the order of ids.
    unordered: bool = False


class Finding:
    """Lists of tasks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._conditions = Conditions(tasks, postgresql=database.is_postgresql)

    def page(
        self, expression: Expression, *, limit: int, before: UUID | None = None, include: Sequence[str] = ()
    ) -> Page:
        """Up to `limit` tasks, newest first. Raises StoreUnavailable.

        before: the end of the page before this one. include: what of EXTRAS the tasks are to have.
        """
        walk = self.walk(expression, before)
        with self._database.read() as connection:
            rows = connection.execute(self.statement(walk, limit + 1, include)).all()
            found = [_task(row) for row in rows[:limit]]
            if len(rows) > limit:
                return Page(found, before=found[-1].id)
            if not walk.rest.parts:
                return Page(found)
            return self._short(connection, walk, found)

    def statement(self, walk: Walk, limit: int, include: Sequence[str]) -> Select[Any]:
        """The query for up to `limit` tasks."""
        listed = [column for column in COLUMNS if column.name not in _LEFT_OUT or column.name in include]
        if not walk.rest.parts:
            return _ordered(walk, listed, limit)
        searched = _roots(walk.rest) - {column.name for column in listed}
        window = _ordered(walk, [*listed, *(tasks.c[name] for name in sorted(searched))], walk.window).subquery()
        fits = Conditions(window, postgresql=self._database.is_postgresql).of(walk.rest)
        columns = [window.c[column.name] for column in listed]
        return select(*columns).where(fits).order_by(window.c.id.desc()).limit(limit)

    def walk(self, expression: Expression, before: UUID | None = None) -> Walk:
        """How a page of this search is found."""
        within = [] if before is None else [tasks.c.id < before]
        rest = []
        for part in conjuncts(expression):
            if isinstance(part, When) and part.field == "created_at":
                within.append(self._conditions.of(part))
            else:
                rest.append(part)
        costly = any(_roots(part) for part in rest)
        for part in sorted(rest, key=_preference):
            if along := self._along(part):
                if along.exact:
                    rest.remove(part)
                return Walk(
                    along.conditions,
                    within,
                    And(tuple(rest)),
                    _window(costly or along.unordered, len(along.conditions)),
                )
        return Walk([true()], within, And(tuple(rest)), _window(costly))

    def _along(self, part: Expression) -> _Along | None:
        """The walks along indexes that find all rows of this part; None where no index does."""
        match part:
            case ErrorSays():
                return _Along([tasks.c.error_type.is_not(None)], exact=False)
            case InState():
                return self._along_states(part)
            case Word() if not any(pattern.prefix for pattern in part.patterns):
                return self._along_tags(part) if part.field == "tag" else self._along_words(part)
        return None

    def _along_states(self, part: InState) -> _Along | None:
        states, delayed = set(part.states), tasks.c.run_at > tasks.c.created_at
        # Most tasks succeed: no index is worth their entries, and a walk by id meets them soon.
        if State.SUCCESS in states or (states & {State.PENDING, State.STARTED} and not self._database.is_postgresql):
            return None
        walks = [tasks.c.state == state for state in sorted(states - {State.PENDING})]
        if part.scheduled or State.PENDING in states:
            walks.append((tasks.c.state == State.PENDING) & delayed)
        if State.PENDING in states:
            walks += [(tasks.c.state == State.PENDING) & fresh for fresh in _fresh()]
        if not self._database.is_postgresql:
            # SQLite takes a partial index for one whose condition stands in the query, word for word.
            walks = [walk & text(LISTED_STATES) for walk in walks]
        return _Along(walks, exact=not part.scheduled)

    def _along_words(self, part: Word) -> _Along | None:
        patterns = set(part.patterns)
        if len(patterns) > _MOST_WALKS:
            return None
        equal = [self._conditions.of(Word(part.field, (pattern,))) for pattern in patterns]
        if part.field in {"id", "batch_id", "schedule_id", "failure"}:
            return _Along(equal)
        if part.field == "task_type" and self._database.is_postgresql:
            settled = tasks.c.finished_at.is_not(None) | (tasks.c.run_at > tasks.c.created_at)
            running = (tasks.c.state == State.STARTED) & (tasks.c.run_at <= tasks.c.created_at)
            return _Along([same & walk for same in equal for walk in (settled, running, *_fresh())])
        return None

    def _along_tags(self, part: Word) -> _Along:
        if self._database.is_postgresql:
            return _Along([self._conditions.of(part)], unordered=True)
        return _Along([tasks.c.tags.is_not(None)], exact=False)

    def _short(self, connection: Connection, walk: Walk, found: list[Task]) -> Page:
        """A page that is not full: has the walk ended, or only the window?"""
        edge = connection.scalar(_ordered(walk, [tasks.c.id], walk.window).offset(walk.window - 1).limit(1))
        if edge is None:
            return Page(found)
        # Newer tasks may have moved the window since; what was shown is not shown again.
        edge = min(edge, found[-1].id) if found else edge
        return Page(found, before=edge, searched_to=made_at(edge))


def _fresh() -> list[ColumnElement[bool]]:
    """Waiting tasks that were due when they came: as many as the backlog, in indexes that the keeper has anyway.

    Either the relay or the reconciler looks after a waiting task, or it would be lost.
    """
    waiting = tasks.c.state.in_(WAITING) & (tasks.c.run_at <= tasks.c.created_at)
    published = tasks.c.relay_at.is_(None) & tasks.c.published_at.is_not(None)
    return [waiting & tasks.c.relay_at.is_not(None), waiting & published]


def _window(costly: bool, walks: int = 1) -> int:
    return max(1, (COSTLY_WINDOW if costly else WINDOW) // walks)


def _ordered(walk: Walk, columns: Sequence[ColumnElement[Any]], limit: int) -> Select[Any]:
    """The first rows of a walk. Its conditions exclude each other, so that no row comes twice."""
    walks = [
        select(*columns).where(condition, *walk.within).order_by(tasks.c.id.desc()).limit(limit)
        for condition in walk.along
    ]
    if len(walks) == 1:
        return walks[0]
    # Each with a limit of its own: otherwise PostgreSQL gathers and sorts all of their rows.
    merged = union_all(*(select(one.subquery()) for one in walks)).subquery()
    return select(merged).order_by(merged.c.id.desc()).limit(limit)


#: Which part of a search to walk along, when several have an index: those of fewer rows first.
_PREFERENCE = ("id", "batch_id", "schedule_id", "failure", "state", "tag", "error", "task_type")


def _preference(part: Expression) -> int:
    name = part.field if isinstance(part, Word) else {InState: "state", ErrorSays: "error"}.get(type(part), "")
    return _PREFERENCE.index(name) if name in _PREFERENCE else len(_PREFERENCE)


def _roots(expression: Expression) -> set[str]:
    """The documents that a search looks into."""
    match expression:
        case AtPath():
            return {expression.root}
        case Not():
            return _roots(expression.part)
        case And() | Or():
            return {root for part in expression.parts for root in _roots(part)}
    return set()


def _task(row: Row[Any]) -> Task:
    """A listed row as a Task; what was left out is None."""
    values = dict.fromkeys(_LEFT_OUT) | dict(row._mapping)
    values["state"] = State(values["state"])
    values["result"] = orjson.loads(values["result"]) if values["result"] is not None else None
    return Task(**values)
