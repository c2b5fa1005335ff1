"""Waiting for a task's end inside a request. Only so many requests may, so that there are threads for the others."""

import threading
import time
from uuid import UUID

from task_system.store.reading import Reading

#: Between two looks: at first, and at most, in seconds.
LOOK_FIRST_S, LOOK_MOST_S = 0.01, 0.25


class Ends:
    """most: requests that may wait at the same time; a further one does not wait."""

    def __init__(self, reading: Reading, *, most: int) -> None:
        self._reading = reading
        self._places = threading.BoundedSemaphore(most)

    def wait_for(self, task_id: UUID, timeout_s: float) -> bool:
        """Wait for the end of a task; answers whether it came in time. Raises StoreUnavailable."""
        if not self._places.acquire(blocking=False):
            return False
        try:
            return self._look(task_id, time.monotonic() + timeout_s)
        finally:
            self._places.release()

    def _look(self, task_id: UUID, until: float) -> bool:
        pause_s = LOOK_FIRST_S
        while not self._reading.is_over(task_id):
            left_s = until - time.monotonic()
            if left_s <= 0:
                return False
            time.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, LOOK_MOST_S)
        return True
