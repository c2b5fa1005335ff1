"""Finding tasks: pages of them, newest first, that cost the same however many there are.

A page is one walk along an index that has the order of ids: by batch, schedule, state, error or task type where the
search names one, by id otherwise. What else the search says is looked up in the rows on the way, in no more than a
window of them: a page of a search that fits few rows may be short, or empty, and still have a next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, Uuid, false, literal_column, or_, select, text, true
from sqlalchemy.sql.selectable import LateralFromClause

from task_system.model.ids import first_id_at, made_at
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
from task_system.store.reading import COLUMNS, task_of
from task_system.store.tables import TYPED, tasks
from task_system.store.walks import (
    FRESH,
    Along,
    Published,
    Source,
    in_states,
    last_of,
    newest_of,
    on_the_way,
)

#: Rows looked at for one page; fewer where looking costs more.
WINDOW = 5000
COSTLY_WINDOW = 1000
#: Not in lists unless asked for.
EXTRAS = ("parameters", "result")
_PAGE_ID: ColumnElement[UUID] = literal_column("page.id", Uuid())
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
    """One walk: where its rows come from, and what is left to check of them."""

    sources: Sequence[Source]
    within: list[ColumnElement[bool]]
    rest: And
    window: int
    #: Rows below have not been looked at; None: there is no such bound.
    edge: UUID | None = None


@dataclass(slots=True)
class _Along:
    sources: list[Source]
    #: Whether no row that the walk finds must be checked again.
    exact: bool = True
    #: Whether it costs more to look at a row: they lie far apart, or the index does not have the order of ids.
    costly: bool = False
    #: Which tasks that are on their way to the broker are meant, too.
    on_the_way: ColumnElement[bool] | None = None
    #: Of what is looked through for more than the sources' conditions say.
    looked_through: Source | None = None


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
        with self._database.read() as connection:
            walk = self.walk(connection, expression, before)
            rows = connection.execute(self.statement(walk, limit + 1, include)).all()
            found = [task_of(row._mapping, left_out=_LEFT_OUT) for row in rows[:limit]]
            if len(rows) > limit:
                return Page(found, before=found[-1].id)
            return _short(connection, walk, found)

    def statement(self, walk: Walk, limit: int, include: Sequence[str]) -> Select[Any]:
        """The query for up to `limit` tasks."""
        listed = [column for column in COLUMNS if column.name not in _LEFT_OUT or column.name in include]
        if not walk.rest.parts:
            if len(walk.sources) == 1:
                return newest_of(walk.sources, listed, walk.within, limit)
            # Ids first: many columns in each of several sources cost more than to look the rows up.
            return self._of_ids(newest_of(walk.sources, [tasks.c.id], walk.within, limit), listed)
        searched = _roots(walk.rest) - {column.name for column in listed}
        columns = [*listed, *(tasks.c[name] for name in sorted(searched))]
        window = newest_of(walk.sources, columns, walk.within, walk.window).subquery()
        fits = Conditions(window, postgresql=self._database.is_postgresql).of(walk.rest)
        return (
            select(*(window.c[column.name] for column in listed)).where(fits).order_by(window.c.id.desc()).limit(limit)
        )

    def _of_ids(self, ids: Select[Any], listed: Sequence[ColumnElement[Any]]) -> Select[Any]:
        """The rows of these ids, newest first."""
        if not self._database.is_postgresql:
            return select(*listed).where(tasks.c.id.in_(ids)).order_by(tasks.c.id.desc())
        row = _row(tuple(listed))
        return select(row).select_from(ids.subquery("page").join(row, true())).order_by(_PAGE_ID.desc())

    def walk(self, connection: Connection, expression: Expression, before: UUID | None = None) -> Walk:
        """How a page of this search is found."""
        # No id is of tomorrow; to say so spares PostgreSQL the partitions that are made ahead.
        within = [tasks.c.id < (before or first_id_at(datetime.now(UTC) + timedelta(days=1)))]
        rest = []
        for part in map(_positive, conjuncts(expression)):
            if isinstance(part, When) and part.field == "created_at":
                within.append(self._conditions.of(part))
            else:
                rest.append(part)
        costly = any(_roots(part) for part in rest)
        for part in sorted(rest, key=_preference):
            if along := self._along(part):
                if along.exact:
                    rest.remove(part)
                return self._walk(connection, along, within, And(tuple(rest)), costly)
        return Walk([Along(true())], within, And(tuple(rest)), _window(costly))

    def _walk(
        self, connection: Connection, along: _Along, within: list[ColumnElement[bool]], rest: And, costly: bool
    ) -> Walk:
        edge = None
        if along.on_the_way is not None:
            source, edge = on_the_way(connection, along.on_the_way, within, WINDOW, along.looked_through)
            along.sources.append(source)
        if edge:
            within = [*within, tasks.c.id >= edge]
        return Walk(along.sources, within, rest, _window(costly or along.costly, len(along.sources)), edge)

    def _along(self, part: Expression) -> _Along | None:
        """The walks along indexes that find all rows of this part; None where no index does."""
        match part:
            case ErrorSays():
                return _Along([Along(tasks.c.error_type.is_not(None))], exact=False, costly=True)
            # Most tasks succeed: no index is worth their entries, and a walk by id meets them soon.
            case InState() if State.SUCCESS not in part.states:
                return self._along_states(part)
            case Word() if not any(pattern.prefix for pattern in part.patterns):
                return self._along_tags(part) if part.field == "tag" else self._along_words(part)
        return None

    def _along_states(self, part: InState) -> _Along:
        states = set(part.states)
        return _Along(
            in_states(states, scheduled=part.scheduled, postgresql=self._database.is_postgresql),
            exact=not part.scheduled,
            on_the_way=tasks.c.state == State.PENDING if State.PENDING in states else None,
        )

    def _along_words(self, part: Word) -> _Along | None:
        patterns = set(part.patterns)
        if len(patterns) > _MOST_WALKS:
            return None
        equal = [self._conditions.of(Word(part.field, (pattern,))) for pattern in patterns]
        if part.field in {"id", "batch_id", "schedule_id", "failure"}:
            return _Along([Along(same) for same in equal])
        if part.field == "task_type" and self._database.is_postgresql:
            return self._along_types(equal)
        return None

    def _along_types(self, equal: Sequence[ColumnElement[bool]]) -> _Along:
        """What is over, not due or parked has an index by type; the rest is little, or looked through."""
        waiting = sorted(WAITING)
        any_ = or_(false(), *equal)
        running = (tasks.c.state == State.STARTED) & FRESH
        sources: list[Source] = [Along(same & text(TYPED)) for same in equal]
        sources += [Along(running & any_), Published(waiting, FRESH & any_, postgresql=True)]
        return _Along(
            sources,
            on_the_way=tasks.c.state.in_(waiting) & any_,
            looked_through=Published(waiting, true(), postgresql=True),
        )

    def _along_tags(self, part: Word) -> _Along:
        if self._database.is_postgresql:
            return _Along([Along(self._conditions.of(part))], costly=True)
        return _Along([Along(tasks.c.tags.is_not(None))], exact=False)


@cache
def _row(listed: tuple[ColumnElement[Any], ...]) -> LateralFromClause:
    """The row of an id of `page`. By itself: PostgreSQL would rather read a small partition from end to end.

    Made once, because that takes longer than to find the row.
    """
    return select(*listed).where(tasks.c.id == _PAGE_ID).limit(1).lateral()


def _short(connection: Connection, walk: Walk, found: list[Task]) -> Page:
    """A page that is not full: has the walk ended, or only what was looked at?"""
    edge = walk.edge
    if walk.rest.parts:
        # Newer tasks may have moved the window since; what was shown is not shown again.
        last = last_of(walk.sources, connection, walk.within, walk.window)
        edge = min(last, found[-1].id) if last and found else last or edge
    return Page(found) if edge is None else Page(found, before=edge, searched_to=made_at(edge))


def _positive(part: Expression) -> Expression:
    """Not in some states is in the others, for which there may be an index."""
    if isinstance(part, Not) and isinstance(part.part, InState) and not part.part.scheduled:
        return InState(frozenset(State) - part.part.states)
    return part


def _window(costly: bool, sources: int = 1) -> int:
    return max(1, (COSTLY_WINDOW if costly else WINDOW) // sources)


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
