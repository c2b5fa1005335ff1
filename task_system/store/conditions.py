"""Searches as SQL conditions, for both databases. Whatever a caller wrote is a bound parameter."""

import operator
from collections.abc import Callable
from datetime import timedelta
from functools import singledispatchmethod
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from task_system.model.ids import first_id_at
from task_system.model.routing import PRIORITIES, queue_name
from task_system.model.search.expression import (
    And,
    AtPath,
    Attempts,
    ErrorSays,
    Expression,
    InState,
    Lasted,
    Not,
    Operator,
    Or,
    Pattern,
    Says,
    When,
    Word,
)
from task_system.model.search.values import number_of
from task_system.model.states import WAITING, State
from task_system.store.types import now_plus

_COMPARE: dict[Operator, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
#: How finely ids tell time.
_TICK = timedelta(milliseconds=1)
_IDS = {"id", "batch_id", "schedule_id"}
_LITERALS = {"true": True, "false": False}


class seconds_between(FunctionElement[float]):  # noqa: N801 - reads as the SQL function that it is
    """From the one time to the other, in seconds."""

    type = Float()
    inherit_cache = True
    name = "seconds_between"


@compiles(seconds_between, "postgresql")
def _between_postgresql(element: seconds_between, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"extract(epoch FROM ({end}) - ({start}))"


@compiles(seconds_between, "sqlite")
def _between_sqlite(element: seconds_between, compiler: Any, **options: Any) -> str:
    start, end = (compiler.process(clause, **options) for clause in element.clauses)
    return f"((julianday({end}) - julianday({start})) * 86400.0)"


class Conditions:
    """Compiles expressions over one table, or a subquery with a table's columns.

    postgresql: whether for PostgreSQL; otherwise for SQLite.
    """

    def __init__(self, source: FromClause, *, postgresql: bool) -> None:
        self._c = source.c
        self._postgresql = postgresql

    @singledispatchmethod
    def of(self, expression: Expression) -> ColumnElement[bool]:
        """The condition that holds for the rows meant."""
        raise NotImplementedError(expression)

    @of.register
    def _(self, expression: And) -> ColumnElement[bool]:
        return and_(true(), *map(self.of, expression.parts))

    @of.register
    def _(self, expression: Or) -> ColumnElement[bool]:
        return or_(false(), *map(self.of, expression.parts))

    @of.register
    def _(self, expression: Not) -> ColumnElement[bool]:
        # What is unknown of a row, such as the tags of one that has none, does not hold.
        return not_(func.coalesce(self.of(expression.part), false()))

    @of.register
    def _(self, expression: InState) -> ColumnElement[bool]:
        in_states: ColumnElement[bool] = self._c.state.in_(sorted(expression.states))
        if not expression.scheduled:
            return in_states
        return or_(in_states, and_(self._c.state == State.PENDING, self._c.run_at > now_plus(0)))

    @of.register
    def _(self, expression: Word) -> ColumnElement[bool]:
        if expression.field in _IDS:
            return self._c[expression.field].in_([UUID(pattern.text) for pattern in expression.patterns])
        if expression.field == "tag":
            return or_(false(), *map(self._tag, expression.patterns))
        if expression.field == "lane":
            return or_(false(), *map(self._lane, expression.patterns))
        column = self._c[expression.field]
        return or_(false(), *(_fits(column, pattern) for pattern in expression.patterns))

    @of.register
    def _(self, expression: ErrorSays) -> ColumnElement[bool]:
        return and_(self._c.error_type.is_not(None), or_(false(), *map(self._error_has, expression.texts)))

    @of.register
    def _(self, expression: Says) -> ColumnElement[bool]:
        found = self._c.task_type.icontains(expression.text, autoescape=True) | self._error_has(expression.text)
        try:
            return found | (self._c.id == UUID(expression.text))
        except ValueError:
            return found

    @of.register
    def _(self, expression: When) -> ColumnElement[bool]:
        if expression.field != "created_at":
            compared: ColumnElement[bool] = _COMPARE[expression.operator](self._c[expression.field], expression.moment)
            return compared
        # Ids sort by their time: a range of them needs no index of its own, and spares whole partitions.
        first, beyond = first_id_at(expression.moment), first_id_at(expression.moment + _TICK)
        match expression.operator:
            case "<":
                return self._c.id < first
            case "<=":
                return self._c.id < beyond
            case ">":
                return self._c.id >= beyond
            case ">=":
                return self._c.id >= first
            case "=":
                return (self._c.id >= first) & (self._c.id < beyond)

    @of.register
    def _(self, expression: Lasted) -> ColumnElement[bool]:
        c = self._c
        if expression.field == "duration":
            end = case((c.state == State.STARTED, now_plus(0)), else_=c.finished_at)
            span = seconds_between(c.started_at, end)
        else:
            span = seconds_between(c.run_at, case((c.state.in_(WAITING), now_plus(0)), else_=c.started_at))
        compared: ColumnElement[bool] = _COMPARE[expression.operator](span, expression.seconds)
        return compared

    @of.register
    def _(self, expression: Attempts) -> ColumnElement[bool]:
        compared: ColumnElement[bool] = _COMPARE[expression.operator](self._c.attempt, expression.number)
        return compared

    @of.register
    def _(self, expression: AtPath) -> ColumnElement[bool]:
        at = self._at_postgresql if self._postgresql else self._at_sqlite
        return or_(false(), *(at(expression, pattern) for pattern in expression.patterns))

    def _error_has(self, text: str) -> ColumnElement[bool]:
        c = self._c
        found: ColumnElement[bool] = c.error_type.icontains(text, autoescape=True) | func.coalesce(
            c.error_message.icontains(text, autoescape=True), false()
        )
        return found

    def _lane(self, pattern: Pattern) -> ColumnElement[bool]:
        if pattern.prefix:
            return _fits(self._c.queue, pattern)
        return self._c.queue.in_([queue_name(pattern.text, priority) for priority in PRIORITIES])

    def _tag(self, pattern: Pattern) -> ColumnElement[bool]:
        tags = self._c.tags
        if self._postgresql and not pattern.prefix:
            return tags.bool_op("@>")(literal([pattern.text], JSONB))
        value: ColumnElement[Any]
        if self._postgresql:
            value = func.jsonb_array_elements_text(tags).column_valued("tag")
        else:
            value = func.json_each(tags).table_valued("value").c.value
        return exists(select(literal(1)).where(_fits(value, pattern)))

    def _at_postgresql(self, expression: AtPath, pattern: Pattern) -> ColumnElement[bool]:
        column = self._c[expression.root]
        document = cast(column, JSONB) if expression.root == "result" else column
        value = func.jsonb_extract_path(document, *expression.path)
        if expression.operator != "=":
            is_number = func.jsonb_typeof(value) == "number"
            return and_(is_number, _COMPARE[expression.operator](value, literal(number_of(pattern.text), JSONB)))
        if pattern.prefix:
            return _fits(func.jsonb_extract_path_text(document, *expression.path), pattern)
        found = value.in_([literal(meant, JSONB) for meant in _readings(pattern.text)])
        return or_(found, func.jsonb_typeof(value) == "null") if pattern.text == "null" else found

    def _at_sqlite(self, expression: AtPath, pattern: Pattern) -> ColumnElement[bool]:
        # The parts have neither quotes nor brackets in them, and the whole is a bound parameter.
        path = "$" + "".join(f"[{part}]" if part.isdigit() else f'."{part}"' for part in expression.path)
        document = self._c[expression.root]
        value, kind = func.json_extract(document, path), func.json_type(document, path)
        number = number_of(pattern.text)
        if expression.operator != "=":
            return and_(kind.in_(["integer", "real"]), _COMPARE[expression.operator](value, number))
        if pattern.prefix:
            return _fits(cast(value, Text), pattern)
        readings: list[ColumnElement[bool]] = [(kind == "text") & (value == pattern.text)]
        if number is not None:
            readings.append(kind.in_(["integer", "real"]) & (value == number))
        if pattern.text in {"true", "false", "null"}:
            readings.append(kind == pattern.text)
        return or_(*readings)


def _fits(column: ColumnElement[Any], pattern: Pattern) -> ColumnElement[bool]:
    if pattern.prefix:
        return func.substr(column, 1, len(pattern.text)) == pattern.text
    return column == pattern.text


def _readings(text: str) -> list[Any]:
    """The JSON values that a text may mean."""
    number = number_of(text)
    return [text, *([number] if number is not None else []), *([_LITERALS[text]] if text in _LITERALS else [])]
