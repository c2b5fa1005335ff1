"""The line before a worker's slots: high before normal before low, and nobody waits for ever.

Strict priority, except that a level which was passed over `TURN_AFTER` times in a row gets the next slot. So a newly
arrived high task never waits for more than one slot, and low tasks go on finishing however many high ones come.
"""

from collections import deque
from typing import Generic, Protocol, TypeVar

from task_system.model.routing import PRIORITIES, Priority

#: A waiting level is served at the latest after this many others were preferred to it.
TURN_AFTER = 16


class Prioritised(Protocol):
    """Anything that has a priority."""

    @property
    def priority(self) -> Priority:
        """Which level of the line it joins."""


T = TypeVar("T", bound=Prioritised)


class Line(Generic[T]):
    """Waiting items by priority; first come, first served within one. Not thread-safe: its owner holds a lock."""

    def __init__(self) -> None:
        self._levels: dict[Priority, deque[T]] = {priority: deque() for priority in PRIORITIES}
        self._passed_over = dict.fromkeys(PRIORITIES, 0)

    def join(self, item: T) -> None:
        """Wait at the end of the item's level."""
        self._levels[item.priority].append(item)

    def first(self) -> T | None:
        """Whose turn it is; None when nobody waits."""
        level = self._turn()
        return self._levels[level][0] if level else None

    def take(self) -> T | None:
        """Remove and return whose turn it is."""
        turn = self._turn()
        if turn is None:
            return None
        for priority, level in self._levels.items():
            if priority is turn or not level:
                self._passed_over[priority] = 0
            else:
                self._passed_over[priority] += 1
        return self._levels[turn].popleft()

    def clear(self) -> list[T]:
        """Remove and return all."""
        items = self.waiting()
        for level in self._levels.values():
            level.clear()
        return items

    def waiting(self) -> list[T]:
        """All that wait."""
        return [item for level in self._levels.values() for item in level]

    def __len__(self) -> int:
        return sum(map(len, self._levels.values()))

    def _turn(self) -> Priority | None:
        waiting = [priority for priority in PRIORITIES if self._levels[priority]]
        patient = [priority for priority in waiting if self._passed_over[priority] >= TURN_AFTER]
        # Of two that waited long, the lower: it is passed over more often.
        return patient[-1] if patient else waiting[0] if waiting else None
