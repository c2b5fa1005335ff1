"""One act on everything that a filter matches: which acts there are, and how far one is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class BulkAction(StrEnum):
    """What is done to each task."""

    CANCEL = "cancel"
    RETRY = "retry"
    DELETE = "delete"


class BulkState(StrEnum):
    """How far it is. What is frozen is the set of tasks; then it is run."""

    FREEZING = "freezing"
    RUNNING = "running"
    DONE = "done"
    ABORTED = "aborted"
    FAILED = "failed"


#: What each action leaves alone.
WILL_NOT = {
    BulkAction.CANCEL: "Tasks that are over are left alone; those that run are asked to stop.",
    BulkAction.RETRY: "Tasks that are not over, or were retried before, are left alone.",
    BulkAction.DELETE: "Tasks that are not over are left alone: cancel them first.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulk:
    """One of them."""

    id: UUID
    action: BulkAction
    #: As it was sent.
    filter: dict[str, Any]
    reason: str | None
    state: BulkState
    #: While it is freezing: tasks with this id, or a greater one, have been looked at.
    frozen_to: UUID
    matching: int
    succeeded: int
    #: Left alone, or gone.
    skipped: int
    failed: int
    #: Why; the first ones.
    errors: list[dict[str, str]]
    created_at: datetime
    finished_at: datetime | None

    @property
    def done(self) -> int:
        """How many were dealt with."""
        return self.succeeded + self.skipped + self.failed

    @property
    def percent(self) -> float:
        """How far it is; 0 while the set is not known."""
        if self.state is BulkState.FREEZING:
            return 0.0
        return round(100 * self.done / self.matching, 2) if self.matching else 100.0
