"""What a worker says of its attempts: to Flower, to Redis, and to the service's own events."""

from typing import Any

import orjson

from task_system.broker.results import ResultCopy
from task_system.model.events import Events
from task_system.model.outcome import AttemptEnd
from task_system.model.states import TERMINAL, State
from task_system.model.task import Task
from task_system.store.leases import Ended
from task_system.worker.announcer import Announcer
from task_system.worker.flower import TaskEvents
from task_system.worker.run import Run


class Telling:
    """The foreman's listener. One per worker."""

    def __init__(self, worker: Any, announcer: Announcer | None, events: Events) -> None:
        self._task_events = TaskEvents(worker.consumer)
        self._worker = worker.hostname
        self._announcer = announcer
        self._events = events

    def received(self, run: Run) -> None:
        self._task_events.received(run)

    def started(self, run: Run) -> None:
        self._task_events.started(run)
        self._events.emit(
            "task.started",
            task_id=run.id,
            task_type=run.task_type,
            queue=run.queue,
            attempt=run.claimed.attempt if run.claimed else 0,
        )

    def ended(self, run: Run, end: AttemptEnd, ended: Ended, seconds: float) -> None:
        self._task_events.ended(run, end, ended.state, seconds)
        self._events.emit(
            "task.finished",
            task_id=run.id,
            task_type=run.task_type,
            attempt=run.claimed.attempt if run.claimed else 0,
            outcome=end.outcome,
            state=ended.state,
            duration_s=seconds,
        )
        if self._announcer and ended.state in TERMINAL:
            self._announcer.announce(_copy(run, end, ended, self._worker))


def _copy(run: Run, end: AttemptEnd, ended: Ended, worker: str) -> ResultCopy:
    claimed = run.claimed
    assert claimed
    return ResultCopy(
        task_id=run.task_id,
        state=ended.state,
        finished_at=ended.finished_at,
        result=end.result if end.result_size is None else _pointer(run, end.result_size),
        error_type=end.error_type,
        error_message=end.error_message,
        error_traceback=end.error_traceback,
        # Earlier attempts, and what only some tasks have, are known to the store alone.
        view=_row(run, end, ended, worker).view()
        if claimed.plain and not end.made_files and claimed.attempt == 1 and ended.state is not State.CANCELLED
        else None,
    )


def _pointer(run: Run, size: int) -> str:
    """What Celery clients are given for a large result: where it is."""
    said = {"task_id": run.id, "result_size": size, "links": {"result": f"/api/tasks/{run.id}/result"}}
    return orjson.dumps(said).decode()


def _row(run: Run, end: AttemptEnd, ended: Ended, worker: str) -> Task:
    claimed = run.claimed
    assert claimed
    return Task(
        id=claimed.id,
        namespace="default",
        task_type=claimed.task_type,
        queue=claimed.queue,
        priority=claimed.priority,
        state=ended.state,
        parameters=orjson.Fragment(claimed.parameters),
        max_attempts=claimed.max_attempts,
        timeout_s=claimed.timeout_s,
        created_at=claimed.created_at,
        run_at=claimed.run_at,
        dispatch_no=run.dispatch_no,
        published_at=None,
        attempt=claimed.attempt,
        uncharged_attempts=claimed.uncharged_attempts,
        lost_leases=claimed.lost_leases,
        worker=worker,
        started_at=claimed.started_at,
        finished_at=ended.finished_at,
        cancel_requested_at=None,
        progress_percent=end.progress_percent,
        progress_message=end.progress_message,
        progress_fields=end.progress_fields,
        result=orjson.Fragment(end.result) if end.result is not None else None,
        error_type=end.error_type,
        error_message=end.error_message,
        error_traceback=end.error_traceback,
        failure=end.failure,
    )
