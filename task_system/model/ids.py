"""Ids of tasks: UUID version 7, which sort by the time they were made (RFC 9562, section 5.7)."""

import os
import threading
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_lock = threading.Lock()
_last = 0
#: Random bytes that are still to be used: a call of the system for each id takes longer than all the rest.
_random = bytearray()
_DRAWN = 4096


def new_id() -> UUID:
    """A UUIDv7, greater than every one that this process made before.

    48 bits of milliseconds, then a 12-bit fraction of the millisecond (RFC 9562, section 6.2, method 3), then 62 random
    bits. Two ids of one process within the same 1/4096 ms differ by one in that fraction.
    """
    global _last  # noqa: PLW0603 - one sequence per process is the point
    nanoseconds = time.time_ns()
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    ticks = milliseconds << 12 | (rest << 12) // 1_000_000
    with _lock:
        ticks = max(ticks, _last + 1)
        _last = ticks
        if not _random:
            _random[:] = os.urandom(_DRAWN)
        random = int.from_bytes(_random[-8:], "big") & (1 << 62) - 1
        del _random[-8:]
    milliseconds, fraction = ticks >> 12, ticks & 0xFFF
    return UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | random)


def _draw_anew() -> None:
    """In a child: it must not use the bytes that its parent will."""
    _random.clear()


os.register_at_fork(after_in_child=_draw_anew)


def first_id_at(moment: datetime) -> UUID:
    """The smallest UUIDv7 of that moment: a boundary for ranges of ids."""
    return UUID(int=(moment - _EPOCH) // timedelta(milliseconds=1) << 80 | 7 << 76 | 2 << 62)


def made_at(id_: UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond, in UTC."""
    return _EPOCH + timedelta(milliseconds=id_.int >> 80)
