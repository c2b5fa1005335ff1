"""Copies of results to Redis, by one thread, as many at a time as gathered. Best effort: the store has them all."""

import logging
import threading
from collections import deque

from task_system.broker.results import ResultCopy, Results
from task_system.failpoints import failpoint
from task_system.model.errors import ResultsUnavailable
from task_system.model.events import Events

BATCH = 200
#: Copies that may wait; when Redis is slower than the tasks, the oldest are dropped.
CAPACITY = 10_000
_log = logging.getLogger(__name__)


class Announcer:
    """One per worker."""

    def __init__(self, results: Results, events: Events) -> None:
        self._results = results
        self._events = events
        self._waiting: deque[ResultCopy] = deque(maxlen=CAPACITY)
        self._work = threading.Event()
        self._stopping = False
        self._away = False
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def announce(self, copy: ResultCopy) -> None:
        """Copy soon. Never waits, never raises."""
        self._waiting.append(copy)
        self._work.set()

    def stop(self, timeout_s: float) -> None:
        """Copy what waits, as far as the time allows, and end."""
        self._stopping = True
        self._work.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            while self._waiting:
                self._put([self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))])
            if self._stopping:
                return

    def _put(self, copies: list[ResultCopy]) -> None:
        try:
            failpoint("worker.before_announce")
            self._results.put(copies)
            failpoint("worker.announced")
        except ResultsUnavailable as error:
            self._events.emit("results.unavailable", count=len(copies))
            if not self._away:
                _log.warning("%s (%s)", error.detail, error.__cause__)
            self._away = True
        except Exception:  # noqa: BLE001 - without this thread those who wait in Redis wait for good
            # One that cannot be copied must not take the others with it.
            if len(copies) == 1:
                _log.exception("the result of task %s could not be copied", copies[0].task_id)
            else:
                for copy in copies:
                    self._put([copy])
        else:
            if self._away:
                self._events.emit("results.available")
            self._away = False
