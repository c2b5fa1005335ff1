"""The one seam between recorded and dispatched: may this task be published, or started, now?

Submit, relay and workers ask. What is closed is read once a second, by a thread of its own; so a question costs nothing
that could be measured, and an answer is at most a second old. Limits, fairness and dependencies will answer here too.
"""

import logging
import os
import threading
from collections.abc import Callable, Sequence

from task_system.model.errors import StoreUnavailable, TaskTypeRefused
from task_system.model.task import Dispatch
from task_system.store.controls import Closed

READ_EVERY_S = 1.0
_log = logging.getLogger(__name__)


class Admission:
    """One per process; its thread starts with the first question, so that a fork before that is harmless.

    read: what is closed; None when nothing is. May raise StoreUnavailable; then what was known holds.
    """

    def __init__(self, read: Callable[[], Closed | None]) -> None:
        self._read = read
        self._closed: Closed | None = None
        self._running = False
        self._starting = threading.Lock()
        self._stopping = threading.Event()
        # Cheaper than asking for the process id each time.
        os.register_at_fork(after_in_child=self._forked)

    def admit(self, dispatches: Sequence[Dispatch]) -> Sequence[Dispatch]:
        """Those that may be published now. The others' rows stay with the relay."""
        closed = self._now()
        if closed is None:
            return dispatches
        return [dispatch for dispatch in dispatches if not closed.keeps(dispatch.queue, dispatch.task_type)]

    def keeps(self, queue: str, task_type: str) -> bool:
        """Whether a task of this queue and type is not to be started now."""
        closed = self._now()
        return closed is not None and closed.keeps(queue, task_type)

    def check(self, task_type: str) -> None:
        """Raise TaskTypeRefused when new tasks of this type are not accepted now."""
        closed = self._now()
        if closed is not None and task_type in closed.refused:
            reason = closed.refused[task_type] or "no reason was given"
            raise TaskTypeRefused(f"New tasks of type {task_type!r} are not accepted now: {reason}")

    def start(self) -> None:
        """Read what is closed, and go on reading; harmless when it runs."""
        with self._starting:
            if self._running:
                return
            self._look()
            self._running = True
            threading.Thread(target=self._run, name="admission", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()

    def _forked(self) -> None:
        self._running = False
        self._starting = threading.Lock()

    def _now(self) -> Closed | None:
        if not self._running:
            self.start()
        return self._closed

    def _run(self) -> None:
        while not self._stopping.wait(READ_EVERY_S):
            self._look()

    def _look(self) -> None:
        try:
            self._closed = self._read()
        except StoreUnavailable:
            pass  # whoever asks us meets the same, and says so
        except Exception:  # noqa: BLE001 - without this thread a pause would never be seen again
            _log.exception("cannot read what is closed")
