"""Many requests, one commit: request threads hand their rows to one thread, which commits what has gathered.

While one commit waits for the disk, the next batch gathers by itself; so an idle process commits at once and a busy one
commits up to 64 rows at a time. A row is on disk before its request is answered.
"""

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from task_system.failpoints import failpoint
from task_system.model.errors import InvalidSubmission, Overloaded, StoreUnavailable, TaskSystemError
from task_system.model.events import Events
from task_system.model.task import Dispatch, NewTask, Recorded
from task_system.store.submissions import Submissions

#: Rows of one commit: beyond this a commit takes longer than it saves.
BATCH = 64
#: After a commit of so many rows the next one lets some more gather, as long as they come, for so long in seconds at
#: most: a commit costs the database, the broker and this process as much as some ten rows do.
BUSY, LINGER_S, LINGER_STEP_S = 8, 0.004, 0.0005
#: Rows that may wait; then callers are told to come back.
CAPACITY = 2048
#: No request waits longer for its commit, in seconds.
WAIT_S = 5.0
_log = logging.getLogger(__name__)


class _Waiting:
    """A row and the thread that waits for it."""

    __slots__ = ("done", "error", "recorded", "row")

    def __init__(self, row: NewTask) -> None:
        self.row = row
        self.recorded: Recorded | None = None
        self.error: Exception | None = None
        # A bare lock is the cheapest thing in Python that one thread can wait on and another can release.
        self.done = threading.Lock()
        self.done.acquire()


class Committer:
    """One per process. Its thread starts with the first row, so that a fork before that is harmless.

    publish: gets what was committed and is due. Must neither wait nor raise.
    """

    def __init__(self, submissions: Submissions, events: Events, publish: Callable[[Sequence[Dispatch]], None]) -> None:
        self._submissions = submissions
        self._events = events
        self._publish = publish
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._stopping = False
        self._busy = False

    def commit(self, row: NewTask) -> Recorded:
        """Wait until this row is on disk. Raises Overloaded, StoreUnavailable, InvalidSubmission."""
        if self._waiting.qsize() >= CAPACITY or self._stopping:
            raise Overloaded(waiting=self._waiting.qsize())
        waiting = _Waiting(row)
        self._waiting.put(waiting)
        if self._pid != os.getpid():
            self._start()
        if not waiting.done.acquire(timeout=WAIT_S):
            raise StoreUnavailable("The database did not commit in time. Whether the task was recorded is unknown.")
        if waiting.error:
            raise waiting.error
        assert waiting.recorded
        return waiting.recorded

    def stop(self) -> None:
        """Commit what has gathered, then end the thread. Rows that come later are refused."""
        self._stopping = True
        self._waiting.put(None)
        if self._thread and self._pid == os.getpid():
            self._thread.join(WAIT_S)

    def _start(self) -> None:
        with self._starting:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while batch := self._take():
            started = time.monotonic()
            try:
                count = self._record(batch)
            except Exception:  # noqa: BLE001 - without this thread nothing is accepted any more
                _log.exception("what was committed could not be handed on; the relay publishes it")
                continue
            if count:
                self._events.emit("task.accepted", count=count, duration_s=time.monotonic() - started)

    def _take(self) -> list[_Waiting]:
        batch = [self._waiting.get()]
        if self._busy:
            self._linger()
        while len(batch) < BATCH and not self._waiting.empty():
            batch.append(self._waiting.get())
        self._busy = len(batch) >= BUSY
        rows = [waiting for waiting in batch if waiting is not None]
        if rows and len(rows) < len(batch):
            self._waiting.put(None)  # the end, to be met again when no rows are before it
        return rows

    def _linger(self) -> None:
        """Let some more rows gather, as long as some do."""
        gathered, until = -1, time.monotonic() + LINGER_S
        while gathered < (now := self._waiting.qsize()) < BATCH and time.monotonic() < until:
            gathered = now
            time.sleep(LINGER_STEP_S)

    def _record(self, batch: Sequence[_Waiting]) -> int:
        """Record these rows and tell those who wait; answers how many are on disk. Raises nothing: all wait for us."""
        try:
            failpoint("web.before_commit")
            recorded = self._record_or_repeat([waiting.row for waiting in batch])
            failpoint("web.committed")
            answers = [recorded[waiting.row.id] for waiting in batch]
        except TaskSystemError as error:
            return _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
            # One row that the database will not have must not take the others with it.
            if len(batch) > 1:
                return sum(self._record([waiting]) for waiting in batch)
            return _fail(batch, _refused(error))
        for waiting, answer in zip(batch, answers, strict=True):
            waiting.recorded = answer
            waiting.done.release()
        self._publish([waiting.row.dispatch for waiting in batch if recorded[waiting.row.id].due])
        return len(batch)

    def _record_or_repeat(self, rows: Sequence[NewTask]) -> dict[UUID, Recorded]:
        """A connection that broke says nothing about the commit; recording the rows again is harmless and tells."""
        try:
            return self._submissions.record(rows)
        except StoreUnavailable:
            return self._submissions.record(rows)


def _fail(batch: Sequence[_Waiting], error: Exception) -> int:
    for waiting in batch:
        waiting.error = error
        waiting.done.release()
    return 0


def _refused(error: Exception) -> Exception:
    if not isinstance(error, DBAPIError):
        _log.error("a submission could not be recorded", exc_info=error)
        return error
    message = f"The database cannot store these parameters: {str(error.orig).splitlines()[0]}"
    return InvalidSubmission(errors=[{"path": "parameters", "message": message}])
