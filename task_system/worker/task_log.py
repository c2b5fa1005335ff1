"""What is logged while a handler runs, on its way to the task's log.

A handler of Python's `logging`, on the root. It keeps what is said within an attempt and lets everything else pass. One
thread of the process writes what has gathered, at least every second; the rest is written before the attempt's end is
recorded. A process in which nobody says anything has no such thread, and writes nothing.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from uuid import UUID

from task_system.model.errors import StoreUnavailable
from task_system.model.text import storable
from task_system.store.task_logs import MAX_BYTES, AttemptLog, Line, TaskLogs, size_of

#: Between two writes, in seconds.
EVERY_S = 0.9
#: A longer message is cut in the middle.
LONGEST_MESSAGE = 10_000
LONGEST_NAME = 200


class Attempt:
    """What one attempt said that is not written yet."""

    def __init__(self, task_id: UUID, attempt: int) -> None:
        self.log = AttemptLog(task_id, attempt)
        self.lines: deque[Line] = deque()
        self.size = 0
        self.dropped = 0
        #: One writes at a time.
        self.writing = threading.Lock()

    def say(self, line: Line) -> None:
        """Keep a line; what does not fit is dropped, the oldest first."""
        self.lines.append(line)
        self.size += size_of(line)
        while self.size > MAX_BYTES:
            with suppress(IndexError):
                self.size -= size_of(self.lines.popleft())
                self.dropped += 1

    def take(self) -> tuple[list[Line], int]:
        """What is to be written, and how many lines before it are gone."""
        lines = [self.lines.popleft() for _ in range(len(self.lines))]
        dropped, self.dropped = self.dropped, 0
        self.size = max(0, self.size - sum(map(size_of, lines)))
        return lines, dropped

    def put_back(self, lines: list[Line], dropped: int) -> None:
        """They could not be written."""
        self.lines.extendleft(reversed(lines))
        self.size += sum(map(size_of, lines))
        self.dropped += dropped


class TaskLog(logging.Handler):
    """One per process that runs attempts."""

    def __init__(self, store: TaskLogs) -> None:
        super().__init__()
        self._store = store
        self._current: ContextVar[Attempt | None] = ContextVar("attempt", default=None)
        #: In a process that runs one attempt at a time, threads that a handler starts belong to it.
        self.one_at_a_time = False
        self._only: Attempt | None = None
        self._attempts: set[Attempt] = set()
        self._thread: threading.Thread | None = None
        self._said = threading.Event()
        self._busy: ContextVar[bool] = ContextVar("busy", default=False)
        self._format = logging.Formatter()

    @contextmanager
    def attempt(self, task_id: UUID, attempt: int) -> Iterator[None]:
        """What is logged in the block belongs to this attempt, and is written when the block is left."""
        this = Attempt(task_id, attempt)
        token = self._current.set(this)
        if self.one_at_a_time:
            self._only = this
        try:
            yield
        finally:
            self._only = None
            self._current.reset(token)
            if this.lines and not self._write(this):
                self._attempts.add(this)
                self._said.set()

    def handle(self, record: logging.LogRecord) -> bool:
        """Without a lock: most records are not of an attempt."""
        this = self._current.get() or self._only
        if this is not None and not self._busy.get():
            self._keep(this, record)
        return True

    def _keep(self, this: Attempt, record: logging.LogRecord) -> None:
        try:
            message = self._format.format(record)
        except Exception as error:  # noqa: BLE001 - a wrong format must not stop who logs
            message = f"{record.msg!r} cannot be formatted: {error!r}"
        name = storable(record.name, LONGEST_NAME)
        this.say((round(record.created, 6), record.levelname, name, storable(message, LONGEST_MESSAGE)))
        if this not in self._attempts:
            self._attempts.add(this)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="task-log", daemon=True)
                self._thread.start()
            self._said.set()

    def _run(self) -> None:
        pause = threading.Event()
        while self._said.wait():
            self._said.clear()
            pause.wait(EVERY_S)
            for this in tuple(self._attempts):
                self._attempts.discard(this)
                if this.lines and not self._write(this):
                    self._attempts.add(this)
                    self._said.set()

    def _write(self, this: Attempt) -> bool:
        """Write what there is; answers whether that was possible."""
        token = self._busy.set(True)
        try:
            with this.writing:
                lines, dropped = this.take()
                if lines:
                    try:
                        self._store.write(this.log, lines, dropped)
                    except BaseException:
                        this.put_back(lines, dropped)
                        raise
        except StoreUnavailable:
            return False
        except Exception:
            logging.getLogger(__name__).exception("the log of task %s could not be written", this.log.task_id)
            this.lines.clear()
        finally:
            self._busy.reset(token)
        return True
