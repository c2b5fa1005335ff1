"""A Celery pool of threads with time limits, for the embedded mode and for work that mostly waits.

Celery's own pool of threads ignores time limits and cannot stop anything. A thread cannot be killed, but it can be
told: an exception is raised inside it when it next runs Python code. If that does not help, the attempt's end is
recorded without it, its late outcome is refused by the store, and a new thread takes its slot.
"""

import ctypes
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from billiard.einfo import ExceptionInfo
from billiard.exceptions import SoftTimeLimitExceeded, TimeLimitExceeded, WorkerLostError
from celery.concurrency.base import BasePool

#: How late a time limit may be noticed, in seconds.
WATCH_EVERY_S = 0.1
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Job:
    target: Callable[..., Any]
    args: tuple[Any, ...]
    callback: Callable[[Any], None]
    error_callback: Callable[[Any], None]
    accept_callback: Callable[[int, float], None]
    soft_timeout: float | None
    timeout: float | None
    thread: int = 0
    began_at: float = 0.0
    told: bool = False
    #: Another thread has its slot; this one ends when the attempt does.
    replaced: bool = False
    done: bool = False

    def finish(self, callback: Callable[[Any], None], value: Any) -> None:
        """Tell its end, once."""
        if not self.done:
            self.done = True
            try:
                callback(value)
            except Exception:  # noqa: BLE001 - a slot, or the thread that keeps time limits, would be lost with it
                _log.exception("the end of an attempt could not be told")

    def over(self, limit_s: float | None) -> bool:
        """Whether it runs longer than that."""
        return limit_s is not None and time.monotonic() - self.began_at > limit_s


class ThreadsPool(BasePool):
    """Slots that are threads. Celery makes it by its name in `worker_pool`."""

    signal_safe = False
    body_can_be_buffer = True
    task_join_will_block = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._running: dict[int, _Job] = {}
        self._stopping = threading.Event()

    def on_start(self) -> None:
        for _ in range(self.limit):
            self._add_thread()
        threading.Thread(target=self._watch, name="time-limits", daemon=True).start()

    def on_stop(self) -> None:
        # Daemon threads: one that never returns must not keep the process.
        self._stopping.set()
        for _ in range(self.limit):
            self._jobs.put(None)

    on_terminate = on_stop

    def on_apply(
        self,
        target: Callable[..., Any],
        args: tuple[Any, ...],
        _kwargs: dict[str, Any],
        *,
        callback: Callable[[Any], None],
        error_callback: Callable[[Any], None],
        accept_callback: Callable[[int, float], None],
        soft_timeout: float | None = None,
        timeout: float | None = None,
        **_options: Any,
    ) -> _Job:
        """Run `target(*args)` in the next free thread."""
        job = _Job(target, args, callback, error_callback, accept_callback, soft_timeout, timeout)
        self._jobs.put(job)
        return job

    def tell(self, pid: int) -> None:
        """Raise SoftTimeLimitExceeded in what runs in that thread."""
        with self._lock:
            job = self._running.get(pid)
        if job:
            self._tell(job)

    def terminate_job(self, pid: int, signal: int | None = None) -> None:  # noqa: ARG002 - a thread takes no signal
        """Stop what runs in that thread, and let another take its slot."""
        with self._lock:
            job = self._running.get(pid)
        if job:
            self._replace(job, WorkerLostError("The attempt was stopped."))

    def _add_thread(self) -> None:
        threading.Thread(target=self._work, name="slot", daemon=True).start()

    def _work(self) -> None:
        while job := self._jobs.get():
            self._run(job)
            if job.replaced:
                return

    def _run(self, job: _Job) -> None:
        job.thread = threading.get_ident()
        outcome: tuple[Callable[[Any], None], Any]
        outcome = (job.error_callback, _info(SoftTimeLimitExceeded()))
        try:
            job.began_at = time.monotonic()
            with self._lock:
                self._running[job.thread] = job
            try:
                job.accept_callback(job.thread, job.began_at)
                outcome = (job.callback, job.target(*job.args))
            except BaseException as error:  # noqa: BLE001 - the pool's caller is told of anything
                outcome = (job.error_callback, _info(error))
            with self._lock:
                self._running.pop(job.thread, None)
        except SoftTimeLimitExceeded:
            # Told to stop when it was done already. From here on nobody tells it anything.
            with self._lock:
                self._running.pop(job.thread, None)
        job.finish(*outcome)

    def _watch(self) -> None:
        while not self._stopping.wait(WATCH_EVERY_S):
            with self._lock:
                running = list(self._running.values())
            for job in running:
                try:
                    self._keep_limits(job)
                except Exception:  # noqa: BLE001 - without this thread nothing has a time limit
                    _log.exception("a time limit could not be kept; trying again")

    def _keep_limits(self, job: _Job) -> None:
        if job.over(job.timeout):
            self._replace(job, TimeLimitExceeded(job.timeout))
        elif job.over(job.soft_timeout) and not job.told:
            self._tell(job)

    def _tell(self, job: _Job) -> None:
        with self._lock:
            if self._running.get(job.thread) is job:
                job.told = True
                _raise_in(job.thread, SoftTimeLimitExceeded)

    def _replace(self, job: _Job, error: BaseException) -> None:
        with self._lock:
            if self._running.get(job.thread) is not job:
                return
            # First, since there may be no room for another.
            self._add_thread()
            del self._running[job.thread]
            job.replaced = True
            _raise_in(job.thread, SoftTimeLimitExceeded)
        job.finish(job.error_callback, _info(error))

    def _get_info(self) -> dict[str, Any]:
        return {**super()._get_info(), "running": len(self._running)}


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Raise an exception in another thread, when it next runs Python code: `PyThreadState_SetAsyncExc` of the C API."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))


def _info(error: BaseException) -> ExceptionInfo:
    try:
        raise error
    except BaseException:  # noqa: BLE001 - raised on the line above, for its traceback
        return ExceptionInfo()
