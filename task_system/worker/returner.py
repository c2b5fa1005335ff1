"""Messages whose tasks must not start now go back: their rows are parked, then they are acknowledged."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

from task_system.model.errors import StoreUnavailable
from task_system.model.task import Dispatch
from task_system.worker.run import Run

#: Of one statement.
BATCH = 500
PAUSE_S = 1.0
_log = logging.getLogger(__name__)


class Returner:
    """One thread per worker.

    park: takes the rows out of everybody's way; may raise StoreUnavailable. parked: told of the messages that are to be
    acknowledged, in the returner's thread.
    """

    def __init__(self, park: Callable[[Sequence[Dispatch]], None], parked: Callable[[Sequence[Run]], None]) -> None:
        self._park = park
        self._parked = parked
        self._waiting: deque[Run] = deque()
        self._work = threading.Condition(threading.Lock())
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="returner", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def take(self, run: Run) -> None:
        """Give it back soon."""
        with self._work:
            self._waiting.append(run)
            self._work.notify()

    def stop(self, timeout_s: float) -> None:
        """End the thread. Messages that were not parked go back to the broker with the connection."""
        with self._work:
            self._stopping = True
            self._work.notify()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while runs := self._next():
            try:
                self._park([Dispatch(run.task_id, run.dispatch_no, run.queue, run.task_type) for run in runs])
            except StoreUnavailable as error:
                _log.warning("%s (%s); trying again", error.detail, error.__cause__)
            except Exception:  # noqa: BLE001 - without this thread what must not start is kept here for good
                _log.exception("%d messages could not be given back; trying again", len(runs))
            else:
                self._parked(runs)
                continue
            with self._work:
                self._waiting.extendleft(reversed(runs))
                self._work.wait_for(lambda: self._stopping, PAUSE_S)

    def _next(self) -> list[Run]:
        with self._work:
            self._work.wait_for(lambda: self._waiting or self._stopping)
            if self._stopping:
                return []
            return [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
