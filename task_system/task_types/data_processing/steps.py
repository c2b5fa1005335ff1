"""What is made of rows, one at a time: filter, select, group."""

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from task_system import Fail
from task_system.task_types.csv_text import number_of
from task_system.task_types.data_processing.columns import NULLS
from task_system.task_types.data_processing.models import Aggregate, Condition, GroupBy, Scalar
from task_system.task_types.data_processing.reading import Record

GROUPS_MAX = 100_000
#: Of all groups' values together.
GROUPS_MAX_CHARACTERS = 16 * 1024 * 1024

Value = Callable[[Scalar], Scalar]
Test = Callable[[Record], bool]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


def of_cell(cell: Scalar) -> Scalar:
    """The value that stands in a cell of CSV: null, a number, true or false, else its text."""
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    lowered = text.lower()
    if lowered in NULLS:
        return None
    number = number_of(text)
    if number is not None:
        return number
    return lowered == "true" if lowered in {"true", "false"} else text


def as_it_is(value: Scalar) -> Scalar:
    """The value of what has its type already."""
    return value


def filtered(rows: Iterable[Record], conditions: list[Condition], value: Value) -> Iterator[Record]:
    """The rows that fit all conditions. `value`: what is compared of a value."""
    tests = [_test(condition, value) for condition in conditions]
    return (row for row in rows if all(test(row) for test in tests))


def selected(rows: Iterable[Record], names: list[str]) -> Iterator[Record]:
    """The rows with these columns only."""
    return ({name: row.get(name) for name in names} for row in rows)


def _test(condition: Condition, value: Value) -> Test:
    column, wanted = condition.column, condition.value
    match condition.is_:
        case "null":
            return lambda row: value(row.get(column)) is None
        case "not_null":
            return lambda row: value(row.get(column)) is not None
        case "contains":
            assert isinstance(wanted, str)
            return lambda row: wanted in _text(row.get(column))
    compare = _COMPARE[condition.is_]
    if isinstance(wanted, str):
        # as written: `007` is a text when it is compared with one
        return lambda row: isinstance(found := row.get(column), str) and compare(found, wanted)
    kind = bool if isinstance(wanted, bool) else (int, float)

    def fits(row: Record) -> bool:
        found = value(row.get(column))
        return isinstance(found, kind) and isinstance(found, bool) == (kind is bool) and compare(found, wanted)

    return fits


def _text(value: Scalar) -> str:
    return value if isinstance(value, str) else ""


def grouped(rows: Iterable[Record], wanted: GroupBy, value: Value) -> Iterator[Record]:
    """A row for each group, in the order in which they first occur. Raises Fail for too many groups."""
    groups: dict[tuple[Scalar, ...], list[_Aggregated]] = {}
    characters = 0
    for row in rows:
        key = tuple(row.get(name) for name in wanted.columns)
        group = groups.get(key)
        if group is None:
            characters += sum(len(part) for part in key if isinstance(part, str))
            if len(groups) == GROUPS_MAX or characters > GROUPS_MAX_CHARACTERS:
                raise Fail(f"There are more than {len(groups):,} groups: filter the rows, or group by fewer columns")
            group = groups[key] = [_Aggregated(aggregate) for aggregate in wanted.aggregates]
        for aggregated in group:
            aggregated.add(row, value)
    for key, group in groups.items():
        found: Record = dict(zip(wanted.columns, key, strict=True))
        for aggregated in group:
            found[aggregated.name] = aggregated.result()
        yield found


class _Aggregated:
    """One aggregate of one group."""

    __slots__ = ("_column", "_count", "_function", "_lost", "_value", "name")

    def __init__(self, aggregate: Aggregate) -> None:
        self.name = aggregate.name
        self._function = aggregate.function
        self._column = aggregate.column
        self._count = 0
        self._value: int | float = 0
        #: What addition lost so far (Kahan, Neumaier).
        self._lost = 0.0

    def add(self, row: Record, value: Value) -> None:
        if self._column is None:
            self._count += 1
            return
        number = value(row.get(self._column))
        if isinstance(number, bool) or not isinstance(number, int | float):
            return
        self._count += 1
        if self._count == 1:
            self._value = number
        elif self._function == "min":
            self._value = min(self._value, number)
        elif self._function == "max":
            self._value = max(self._value, number)
        else:
            self._sum(number)

    def _sum(self, number: int | float) -> None:
        total = self._value + number
        if isinstance(total, float) and math.isfinite(total):
            larger, smaller = (self._value, number) if abs(self._value) >= abs(number) else (number, self._value)
            self._lost += (larger - total) + smaller
        self._value = total

    def result(self) -> Scalar:
        if self._function == "count":
            return self._count
        if not self._count:
            return None
        total = self._value + self._lost if self._lost else self._value
        found = total / self._count if self._function == "mean" else total
        return found if math.isfinite(found) else None
