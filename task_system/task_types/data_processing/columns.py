"""Statistics of columns, value by value."""

from datetime import datetime, timedelta
from typing import Literal

from task_system.task_types.csv_text import moment_of, number_of
from task_system.task_types.data_processing.distinct import Distinct
from task_system.task_types.data_processing.models import Column, DateStatistics, Scalar, TextLengths
from task_system.task_types.data_processing.numbers_of_column import Numbers, Room

#: Texts that stand for a missing value in CSV, in any case.
NULLS = frozenset({"", "null", "nan", "n/a"})

_SHOWN_NAME = 200


class ColumnStatistics:
    """Takes the values of one column and knows their statistics at any time.

    Numbers are kept, 8 bytes each, while there is room, because exact quantiles need them; of everything else only
    counts and bounds, and up to `distinct_limit` different values.
    """

    def __init__(self, name: str, *, distinct_limit: int, room: Room) -> None:
        self.name = name
        self._distinct = Distinct(distinct_limit)
        self._nulls = 0
        self._booleans = 0
        self._integers = 0
        self._numbers = Numbers(room)
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
            distinct=self._distinct.count(),
            distinct_is_exact=self._distinct.is_exact,
            numbers=self._numbers.result(),
            dates=self._dates.result(),
            texts=self._texts.result(),
        )

    def _count(self) -> int:
        return self._numbers.count + self._booleans + self._dates.count + self._texts.count

    def _add_number(self, number: int | float) -> None:
        if isinstance(number, int):
            self._integers += 1
        self._numbers.add(number)
        self._distinct.add(number)

    def _add_boolean(self, value: bool) -> None:
        self._booleans += 1
        self._distinct.add(value)

    def _add_text(self, text: str) -> None:
        moment = moment_of(text)
        if moment is not None:
            self._dates.add(moment, text)
        else:
            self._texts.add(text)
        self._distinct.add(text)

    def _type(self) -> Literal["integer", "number", "boolean", "date", "text", "mixed", "empty"]:
        counts = {
            "number": self._numbers.count,
            "boolean": self._booleans,
            "date": self._dates.count,
            "text": self._texts.count,
        }
        match [kind for kind, count in counts.items() if count]:
            case []:
                return "empty"
            case ["number"]:
                return "integer" if self._integers == self._numbers.count else "number"
            case ["boolean"]:
                return "boolean"
            case ["date"]:
                return "date"
            case ["text"]:
                return "text"
        return "mixed"


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
