"""Time in which this machine ran. While it stands still nobody on it keeps a promise, and none is broken.

A thread asks again and again to be woken soon. When it is woken late, so was everybody: that time is not counted.
"""

import threading
import time
from datetime import datetime

#: Between two looks, and how late one is on a machine that stood still, in seconds.
_LOOK_S, _LATE_S = 0.05, 0.25
#: From when to when it stood still, on the monotonic clock.
_still: list[tuple[float, float]] = []
_looked_at = time.monotonic()
_lock = threading.Lock()


def _look() -> None:
    global _looked_at  # noqa: PLW0603 - one thread writes it
    while True:
        time.sleep(_LOOK_S)
        with _lock:
            now = time.monotonic()
            _still.extend(_late(now))
            _looked_at = now


def _late(now: float) -> list[tuple[float, float]]:
    """From when to now it stood still, where the look that was due was not had."""
    due_at = _looked_at + _LOOK_S
    return [(due_at, now)] if now - due_at > _LATE_S else []


threading.Thread(target=_look, name="standstill", daemon=True).start()


def ran_s(since: float, until: float) -> float:
    """For how many of the seconds between these moments of the monotonic clock the machine ran."""
    with _lock:
        # Who asks may have been woken before the thread was.
        stood = [*_still, *_late(time.monotonic())]
    return until - since - sum(max(0.0, min(until, end) - max(since, begin)) for begin, end in stood)


def ran_between_s(since: str, until: str) -> float:
    """The same between two moments as the API says them."""
    to_monotonic = time.monotonic() - time.time()
    begin, end = (datetime.fromisoformat(moment).timestamp() + to_monotonic for moment in (since, until))
    return ran_s(begin, end)


class Stopwatch:
    """Runs from when it is made, and stands still with the machine."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def s(self) -> float:
        """What it shows, in seconds."""
        return ran_s(self._began, time.monotonic())

    def wait(self, until_s: float) -> None:
        """Return when it shows so much."""
        while (left := until_s - self.s) > 0:
            time.sleep(left)
