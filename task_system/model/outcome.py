"""What an attempt ended in, as a worker records it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from task_system.model.states import State

#: Outcome words and the state that each leads to.
OUTCOMES = {
    "success": State.SUCCESS,
    "retry": State.RETRY,
    "failure": State.FAILURE,
    "cancelled": State.CANCELLED,
    "snoozed": State.PENDING,
    "handed_back": State.PENDING,
    "lost": State.RETRY,
}
#: A task that lost this many workers is taken to kill them: it fails.
POISON_AFTER = 3
#: How soon a task runs again after its worker was lost, in seconds.
LOST_DELAY_S = 1.0
#: Those that do not count against `max_attempts`.
UNCHARGED = frozenset({"snoozed", "handed_back"})


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnd:
    """One attempt's end. Made by the pipeline in `worker/`, recorded by `store/leases.py`."""

    outcome: str
    #: The result, as JSON text.
    result: str | None = None
    #: Seconds until the next attempt, by the database's clock; only where there is to be one.
    delay_s: float | None = None
    error_type: str | None = None
    error_message: str | None = None
    error_traceback: str | None = None
    #: The fingerprint of a failure.
    failure: str | None = None
    #: What the handler last said of its progress, if anything.
    progress_percent: float | None = None
    progress_message: str | None = None
    progress_fields: dict[str, Any] | None = None
    #: Of a result that is a blob, in bytes; and whether there are blobs of this attempt at all.
    result_size: int | None = None
    made_files: bool = False

    @property
    def state(self) -> State:
        """Where the task goes."""
        return OUTCOMES[self.outcome]

    @property
    def charged(self) -> bool:
        """Whether it cost an attempt."""
        return self.outcome not in UNCHARGED


@dataclass(frozen=True, slots=True)
class Claim:
    """A wish to start one dispatch of a task under a new lease."""

    task_id: UUID
    dispatch_no: int
    lease_token: UUID


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of the attempt that holds this lease."""

    task_id: UUID
    lease_token: UUID
    end: AttemptEnd
