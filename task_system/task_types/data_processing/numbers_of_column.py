"""Statistics of numbers: exact while there is room to keep them, their quantiles from a sample beyond."""

import math
from array import array
from collections.abc import Iterable, Sequence
from random import Random

from task_system.task_types.data_processing.models import NumberStatistics, Quantiles

#: Beyond it a JavaScript reader of the result would see another integer.
_LARGEST_EXACT_INTEGER = 2**53

#: So many numbers each column may keep, whatever the others do.
_KEPT_BY_EACH = 2000
#: Numbers that are added to the sums at once.
_BATCH = 4096


class Room:
    """How many numbers the columns of a table may keep together."""

    def __init__(self, numbers: int) -> None:
        self._left = numbers

    def take(self, kept: int) -> bool:
        """Whether a column that keeps so many may keep one more."""
        self._left -= 1
        return self._left >= 0 or kept < _KEPT_BY_EACH


class Numbers:
    """Takes numbers and knows their statistics at any time, in bounded memory."""

    def __init__(self, room: Room) -> None:
        self.count = 0
        self._room = room
        #: All of them, or a sample in which each had the same chance to be.
        self._kept = array("d")
        self._least: int | float = math.inf
        self._greatest: int | float = -math.inf
        self._sums: _Sums | None = None
        self._pending = array("d")
        # the same numbers give the same sample
        self._random = Random(0).random  # noqa: S311 - no secret

    def add(self, number: int | float) -> None:
        self.count += 1
        self._least = min(self._least, number)
        self._greatest = max(self._greatest, number)
        if self._sums is None:
            if self._room.take(len(self._kept)):
                self._kept.append(number)
                return
            self._sums = _Sums()
            self._sums.add(self._kept)
        place = int(self._random() * self.count)
        if place < len(self._kept):
            self._kept[place] = number
        self._pending.append(number)
        if len(self._pending) == _BATCH:
            self._sums.add(self._pending)
            del self._pending[:]

    def result(self) -> NumberStatistics | None:
        """The statistics of what was added; None when there was nothing."""
        if not self.count:
            return None
        ordered = sorted(self._kept)
        if self._sums is None:
            sums = _Sums()
            sums.add(self._kept)
        else:
            sums = self._sums
            if self._pending:
                sums.add(self._pending)
                del self._pending[:]
        return NumberStatistics(
            count=self.count,
            min=_shown(self._least),
            max=_shown(self._greatest),
            sum=sums.total,
            mean=sums.mean,
            stdev=sums.stdev(),
            quantiles=Quantiles(
                p5=_quantile(ordered, 0.05),
                p25=_quantile(ordered, 0.25),
                p50=_quantile(ordered, 0.5),
                p75=_quantile(ordered, 0.75),
                p95=_quantile(ordered, 0.95),
                p99=_quantile(ordered, 0.99),
            ),
            quantiles_are_exact=self._sums is None,
        )


class _Sums:
    """Sum, mean and squared deviations, batch by batch, each batch exactly. None is what no float can hold."""

    def __init__(self) -> None:
        self.total: float | None = 0.0
        self.mean: float | None = None
        self._count = 0
        self._squares: float | None = 0.0

    def add(self, numbers: Sequence[float]) -> None:
        count = self._count + len(numbers)
        total = _sum(numbers)
        mean = total / len(numbers) if total is not None else None
        squares = _sum((number - mean) * (number - mean) for number in numbers) if mean is not None else None
        if self._count:
            squares = self._merged(mean, squares, len(numbers))
            total = _sum((self.total, total)) if self.total is not None and total is not None else None
            mean = total / count if total is not None else None
        self._count, self.total, self.mean, self._squares = count, total, mean, squares

    def _merged(self, mean: float | None, squares: float | None, count: int) -> float | None:
        if mean is None or squares is None or self.mean is None or self._squares is None:
            return None
        apart = mean - self.mean
        return _sum((self._squares, squares, apart * apart * self._count * count / (self._count + count)))

    def stdev(self) -> float | None:
        if self._squares is None or self._count < 2:
            return None
        return math.sqrt(self._squares / (self._count - 1))


def _sum(numbers: Iterable[float]) -> float | None:
    try:
        total = math.fsum(numbers)
    except (OverflowError, ValueError):
        return None
    return total if math.isfinite(total) else None


def _shown(number: int | float) -> int | float:
    return number if abs(number) <= _LARGEST_EXACT_INTEGER else float(number)


def _quantile(ordered: list[float], share: float) -> float:
    position = share * (len(ordered) - 1)
    below = int(position)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    weight = position - below
    # not low + (high - low) * weight: the difference may be more than a float holds; the bounds mend its rounding
    return min(max(low * (1 - weight) + high * weight, low), high)
