"""Where a reader of the event log stands, as text that it may keep anywhere."""

import re
from dataclasses import dataclass, replace
from typing import Self

#: A snapshot of PostgreSQL, or a number of SQLite; see `event_log.py`.
_MARK = r"(?:\d{1,18}|\d{1,18}:\d{1,18}:(?:\d{1,18},)*(?:\d{1,18})?)"
_FORM = re.compile(rf"({_MARK})_({_MARK})_(\d{{1,18}})_(-1|\d{{1,9}})_(\d{{1,15}})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Behind all that `seen` shows, and, of what `shown` shows besides, behind one event: the n-th of a row."""

    seen: str
    shown: str
    row: int = 0
    index: int = -1
    #: When that was, by the database's clock; a little earlier does no harm.
    at_ms: int

    @classmethod
    def parse(cls, cursor: str) -> Self | None:
        """The cursor that a reader kept; None where it is none."""
        if not (match := _FORM.fullmatch(cursor)):
            return None
        seen, shown, row, index, at_ms = match.groups()
        return cls(seen=seen, shown=shown, row=int(row), index=int(index), at_ms=int(at_ms))

    def __str__(self) -> str:
        return f"{self.seen}_{self.shown}_{self.row}_{self.index}_{self.at_ms}"

    @property
    def at_rest(self) -> bool:
        """Whether it has seen all that it was shown."""
        return self.seen == self.shown

    def on_to(self, later: Self) -> Self:
        """Behind what this one was shown, with all that the later one is shown still to come."""
        return replace(self, seen=self.shown, shown=later.shown, row=0, index=-1)

    def at(self, row: int, index: int) -> Self:
        """Behind that event."""
        return replace(self, row=row, index=index)

    def rest(self) -> Self:
        """Behind all that it is shown."""
        return replace(self, seen=self.shown, row=0, index=-1)

    def is_kept(self, now: Self, keep_s: float) -> bool:
        """Whether all that comes behind it is there still, and it is a cursor of this log at all."""
        return self.at_ms >= now.at_ms - keep_s * 1000 and _next(self.shown) <= _next(now.shown)


def _next(mark: str) -> int:
    """The first transaction, or the last number, that was not given out at a mark."""
    return int(mark.split(":")[1] if ":" in mark else mark)
