"""Tasks as values: what is submitted, what a row says, what callers are shown."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from task_system.model.file import StoredFile
from task_system.model.routing import Priority
from task_system.model.states import WAITING, State
from task_system.model.time import iso


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What only some submissions say."""

    tags: tuple[str, ...] | None = None
    metadata: dict[str, Any] | None = None
    #: Not started within this time from now, by the database's clock: never run.
    expires_in_s: float | None = None
    retry_of: UUID | None = None
    batch_id: UUID | None = None
    schedule_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A validated submission, ready to be recorded."""

    id: UUID
    task_type: str
    queue: str
    priority: Priority
    #: JSON, as it was sent.
    parameters: bytes
    max_attempts: int
    timeout_s: float
    #: Either a wait from now, by the database's clock, or a moment.
    delay_s: float = 0.0
    run_at: datetime | None = None
    namespace: str = "default"
    extras: Extras | None = None

    @property
    def dispatch(self) -> "Dispatch":
        """The first one, once it is recorded and due."""
        return Dispatch(self.id, 1, self.queue, self.task_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What the database added to a NewTask when it was committed."""

    id: UUID
    created_at: datetime
    run_at: datetime
    #: Whether it may be dispatched at once.
    due: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A task that ended outside a worker: cancelled before it started, lost for good, undeliverable, expired."""

    task_id: UUID
    task_type: str
    state: State
    finished_at: datetime
    error_type: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True)
class Dispatch:
    """All that a message says: which task, which dispatch of it, and where it goes. The type is for Flower's eyes."""

    task_id: UUID
    dispatch_no: int
    queue: str
    task_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An earlier start of a task, one that did not end in success."""

    attempt: int
    outcome: str
    worker: str | None
    started_at: datetime | None
    finished_at: datetime
    error_type: str | None
    error_message: str | None
    error_traceback: str | None

    def view(self) -> dict[str, Any]:
        """As callers see it."""
        return {
            "attempt": self.attempt,
            "outcome": self.outcome,
            "type": self.error_type,
            "message": self.error_message,
            "traceback": self.error_traceback,
            "worker": self.worker,
            "started_at": iso(self.started_at),
            "finished_at": iso(self.finished_at),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One row, whole."""

    id: UUID
    namespace: str
    task_type: str
    queue: str
    priority: str
    state: State
    #: Decoded JSON.
    parameters: Any
    max_attempts: int
    timeout_s: float
    created_at: datetime
    run_at: datetime
    dispatch_no: int
    published_at: datetime | None
    attempt: int
    uncharged_attempts: int
    lost_leases: int
    worker: str | None
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    progress_percent: float | None
    progress_message: str | None
    progress_fields: dict[str, Any] | None
    #: JSON, as it is to be written.
    result: Any
    error_type: str | None
    error_message: str | None
    error_traceback: str | None
    #: The fingerprint that it shares with failures that are the same.
    failure: str | None = None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = None
    expires_at: datetime | None = None
    retry_of: UUID | None = None
    retried_as: UUID | None = None
    batch_id: UUID | None = None
    schedule_id: UUID | None = None
    cancel_reason: str | None = None
    #: When the attempt last said how far it is.
    progress_at: datetime | None = None
    attempts: list[Attempt] = field(default_factory=list)
    #: What it made, when it has succeeded.
    files: list[StoredFile] = field(default_factory=list)
    #: Of a result that is too large to be shown, in bytes.
    result_size: int | None = None
    #: When the worker that runs it was last heard of.
    heartbeat_at: datetime | None = None

    def view(self, now: datetime | None = None) -> dict[str, Any]:
        """As callers see it. `now` decides between pending and scheduled."""
        return {
            "task_id": str(self.id),
            "task_type": self.task_type,
            "priority": self.priority,
            "queue": self.queue,
            "state": self.state,
            "status": status_of(self.state, self.run_at, now or datetime.now(UTC)),
            "parameters": self.parameters,
            "result": self.result,
            "result_size": self.result_size,
            "files": [file.view() for file in self.files],
            "error": self._error(),
            "failure": self.failure,
            "progress": self._progress(now or datetime.now(UTC)),
            "heartbeat_at": iso(self.heartbeat_at),
            "tags": self.tags or [],
            "metadata": self.metadata or {},
            "expires_at": iso(self.expires_at),
            "retry_of": _text(self.retry_of),
            "retried_as": _text(self.retried_as),
            "batch_id": _text(self.batch_id),
            "schedule_id": _text(self.schedule_id),
            "cancel_reason": self.cancel_reason if self.state in {State.STARTED, State.CANCELLED} else None,
            "attempt": self.attempt,
            "max_attempts": self.max_attempts,
            "created_at": iso(self.created_at),
            "run_at": iso(self.run_at),
            "started_at": iso(self.started_at),
            "finished_at": iso(self.finished_at),
            "duration_ms": _milliseconds(self.started_at, self.finished_at),
            "queued_ms": _milliseconds(self.run_at, self.started_at)
            if self.state not in {State.RETRY, State.PENDING}
            else None,
            "worker": self.worker,
            "errors": [attempt.view() for attempt in self.attempts],
            "timeline": self._timeline(),
            "links": self._links(),
        }

    def _links(self) -> dict[str, str]:
        address = f"/api/tasks/{self.id}"
        links = {"self": address, "log": f"{address}/log", "events": f"{address}/events"}
        return links | ({"result": f"{address}/result"} if self.state is State.SUCCESS else {})

    def _timeline(self) -> list[dict[str, Any]]:
        """What happened when, and what is to come next, oldest first."""
        moments: list[dict[str, Any]] = [{"at": iso(self.created_at), "event": "accepted"}]
        for earlier in self.attempts:
            moments += _moments(earlier.attempt, earlier.started_at, earlier.worker)
            moments.append({"at": iso(earlier.finished_at), "event": earlier.outcome, "attempt": earlier.attempt})
        begun = [] if self._is_between_attempts() else _moments(self.attempt, self.started_at, self.worker)
        if self.state in WAITING:
            moments.append({"at": iso(self.run_at), "event": "due", "attempt": self.attempt + 1})
        else:
            moments += begun
        if self.finished_at:
            ended = {"attempt": self.attempt} if begun else {}
            moments.append({"at": iso(self.finished_at), "event": self.state.lower(), **ended})
        return moments

    def _is_between_attempts(self) -> bool:
        return bool(self.attempts) and self.attempts[-1].attempt == self.attempt

    def _error(self) -> dict[str, Any] | None:
        # While another attempt runs, the error is one of the earlier ones.
        if self.error_type is None or self.state is State.STARTED:
            return None
        return {
            "type": self.error_type,
            "message": self.error_message,
            "traceback": self.error_traceback,
            "attempt": self.attempt,
        }

    def _progress(self, now: datetime) -> dict[str, Any]:
        if self.state is State.SUCCESS:
            return {"percent": 100.0, "message": self.progress_message or ""}
        return {
            "percent": self.progress_percent or 0.0,
            "message": self.progress_message or "",
            **(self.progress_fields or {}),
            **self._pace(now),
        }

    def _pace(self, now: datetime) -> dict[str, float]:
        """Percent points a second since the attempt began, and how many seconds are left at that rate."""
        if self.state is not State.STARTED or not (self.progress_percent and self.progress_at and self.started_at):
            return {}
        took_s = (self.progress_at - self.started_at).total_seconds()
        if took_s <= 0:
            return {}
        rate_per_s = self.progress_percent / took_s
        left_s = (100.0 - self.progress_percent) / rate_per_s - (now - self.progress_at).total_seconds()
        return {"rate_per_s": round(rate_per_s, 4), "eta_s": round(max(0.0, left_s), 1)}


def _moments(attempt: int, started_at: datetime | None, worker: str | None) -> list[dict[str, Any]]:
    if started_at is None:
        return []
    return [{"at": iso(started_at), "event": "started", "attempt": attempt, "worker": worker}]


def status_of(state: State, run_at: datetime, now: datetime) -> str:
    """The state in a person's words: in lower case, and `scheduled` for a PENDING task that is not due yet."""
    if state is State.PENDING and run_at > now:
        return "scheduled"
    return state.lower()


def _text(id_: UUID | None) -> str | None:
    return str(id_) if id_ else None


def _milliseconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return max(0.0, round((end - start).total_seconds() * 1000, 3))
