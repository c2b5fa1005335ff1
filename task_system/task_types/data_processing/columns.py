"""Statistics of columns, value by value."""

import math
from array import array
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from task_system.task_types.csv_text import moment_of, number_of
from task_system.task_types.data_processing.models import (
    Column,
    DateStatistics,
    NumberStatistics,
    Quantiles,
    Scalar,
    TextLengths,
)

#: Texts that stand for a missing value in CSV, in any case.
NULLS = frozenset({"", "null", "nan", "n/a"})

#: Beyond it a JavaScript reader of the result would see another integer.
_LARGEST_EXACT_INTEGER = 2**53

_SHOWN_NAME = 200


class ColumnStatistics:
    """Takes the values of one column and knows their statistics at any time.

    Numbers are kept, 8 bytes each, because exact quantiles need them; of everything else only counts and bounds, and up
    to `distinct_limit` different values.
    """

    def __init__(self, name: str, *, distinct_limit: int) -> None:
        self.name = name
        self._distinct_limit = distinct_limit
        self._distinct: set[Scalar | tuple[bool]] = set()
        self._distinct_is_exact = True
        self._nulls = 0
        self._booleans = 0
        self._integers = 0
        self._numbers = array("d")
        self._least: int | float = math.inf
        self._greatest: int | float = -math.inf
        self._dates = _Dates()
        self._texts = _Lengths()

    def add_cell(self, cell: str) -> None:
        """A cell of CSV: what it holds is read from the text."""
        cell = cell.strip()
        if cell.lower() in NULLS:
            self._nulls += 1
            return
        number = number_of(cell)
        if number is not None:
            self._add_number(number)
        elif cell.lower() in {"true", "false"}:
            self._add_boolean(cell.lower() == "true")
        else:
            self._add_text(cell)

    def add(self, value: Scalar) -> None:
        """A value that has its type already; None is missing."""
        if value is None:
            self._nulls += 1
        elif isinstance(value, bool):
            self._add_boolean(value)
        elif isinstance(value, int | float):
            self._add_number(value)
        else:
            self._add_text(value)

    def fill_up(self, rows: int) -> None:
        """Count as missing what `rows` rows should have brought and did not."""
        self._nulls += rows - self._count() - self._nulls

    def result(self) -> Column:
        """The statistics of what was added."""
        return Column(
            name=self.name if len(self.name) <= _SHOWN_NAME else self.name[:_SHOWN_NAME] + "…",
            type=self._type(),
            count=self._count(),
            nulls=self._nulls,
            distinct=len(self._distinct),
            distinct_is_exact=self._distinct_is_exact,
            numbers=self._number_statistics(),
            dates=self._dates.result(),
            texts=self._texts.result(),
        )

    def _count(self) -> int:
        return len(self._numbers) + self._booleans + self._dates.count + self._texts.count

    def _add_number(self, number: int | float) -> None:
        if isinstance(number, int):
            self._integers += 1
        self._numbers.append(number)
        self._least = min(self._least, number)
        self._greatest = max(self._greatest, number)
        self._saw(number)

    def _add_boolean(self, value: bool) -> None:
        self._booleans += 1
        # in a tuple, because True == 1 and a set would take them for one
        self._saw((value,))

    def _add_text(self, text: str) -> None:
        moment = moment_of(text)
        if moment is not None:
            self._dates.add(moment, text)
        else:
            self._texts.add(text)
        self._saw(text)

    def _saw(self, value: Scalar | tuple[bool]) -> None:
        if len(self._distinct) < self._distinct_limit:
            self._distinct.add(value)
        elif self._distinct_is_exact:
            self._distinct_is_exact = value in self._distinct

    def _type(self) -> Literal["integer", "number", "boolean", "date", "text", "mixed", "empty"]:
        counts = {
            "number": len(self._numbers),
            "boolean": self._booleans,
            "date": self._dates.count,
            "text": self._texts.count,
        }
        match [kind for kind, count in counts.items() if count]:
            case []:
                return "empty"
            case ["number"]:
                return "integer" if self._integers == len(self._numbers) else "number"
            case ["boolean"]:
                return "boolean"
            case ["date"]:
                return "date"
            case ["text"]:
                return "text"
        return "mixed"

    def _number_statistics(self) -> NumberStatistics | None:
        count = len(self._numbers)
        if not count:
            return None
        ordered = sorted(self._numbers)
        total = _sum(self._numbers)
        mean = total / count if total is not None else None
        return NumberStatistics(
            count=count,
            min=_shown(self._least),
            max=_shown(self._greatest),
            sum=total,
            mean=mean,
            stdev=_stdev(self._numbers, mean),
            quantiles=Quantiles(
                p5=_quantile(ordered, 0.05),
                p25=_quantile(ordered, 0.25),
                p50=_quantile(ordered, 0.5),
                p75=_quantile(ordered, 0.75),
                p95=_quantile(ordered, 0.95),
                p99=_quantile(ordered, 0.99),
            ),
        )


class _Dates:
    """The earliest and the latest of some dates, as they were written."""

    def __init__(self) -> None:
        self.count = 0
        self._first: tuple[timedelta, str] | None = None
        self._last: tuple[timedelta, str] | None = None

    def add(self, moment: datetime, text: str) -> None:
        self.count += 1
        # not astimezone(): that leaves the calendar for 0001-01-01T00:00+14:00
        since = moment.replace(tzinfo=None) - datetime.min - (moment.utcoffset() or timedelta())  # noqa: DTZ901
        if self._first is None or since < self._first[0]:
            self._first = (since, text)
        if self._last is None or since > self._last[0]:
            self._last = (since, text)

    def result(self) -> DateStatistics | None:
        if self._first is None or self._last is None:
            return None
        return DateStatistics(count=self.count, min=self._first[1], max=self._last[1])


class _Lengths:
    """The lengths of some texts."""

    def __init__(self) -> None:
        self.count = 0
        self._total = 0
        self._shortest = 0
        self._longest = 0

    def add(self, text: str) -> None:
        length = len(text)
        self._shortest = min(self._shortest, length) if self.count else length
        self._longest = max(self._longest, length)
        self._total += length
        self.count += 1

    def result(self) -> TextLengths | None:
        if not self.count:
            return None
        return TextLengths(
            count=self.count,
            min_length=self._shortest,
            max_length=self._longest,
            mean_length=self._total / self.count,
        )


def _shown(number: int | float) -> int | float:
    return number if abs(number) <= _LARGEST_EXACT_INTEGER else float(number)


def _sum(numbers: Iterable[float]) -> float | None:
    try:
        return math.fsum(numbers)
    except OverflowError:
        return None


def _stdev(numbers: Sequence[float], mean: float | None) -> float | None:
    if mean is None or len(numbers) < 2:
        return None
    squares = _sum((number - mean) * (number - mean) for number in numbers)
    if squares is None or not math.isfinite(squares):
        return None
    return math.sqrt(squares / (len(numbers) - 1))


def _quantile(ordered: list[float], share: float) -> float:
    position = share * (len(ordered) - 1)
    below = int(position)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    weight = position - below
    # not low + (high - low) * weight: the difference may be more than a float holds; the bounds mend its rounding
    return min(max(low * (1 - weight) + high * weight, low), high)
