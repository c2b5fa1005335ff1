"""What the event log adds up to: counts and histograms by time, task type and queue, and the ledger."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from task_system.model.histogram import Histogram, bucket_of
from task_system.model.ids import made_at
from task_system.model.states import State
from task_system.model.task_events import FIELDS

#: What a rollup counts, by the event that it counts.
COUNTED = {
    "task.accepted": "accepted",
    "task.succeeded": "succeeded",
    "task.failed": "failed",
    "task.cancelled": "cancelled",
    "task.expired": "expired",
    "task.retry": "retried",
    "task.removed": "removed",
}
COUNTS = tuple(COUNTED.values())
#: What the ledger says became of those that were accepted, but for those that are live.
ENDS: dict[str, str] = {
    State.SUCCESS: "succeeded",
    State.FAILURE: "failed",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "expired",
}
ACCOUNTS = ("accepted", *ENDS.values(), "removed")
_COUNTED = {*COUNTED, "task.started"}
_EVENT, _TASK_ID, _TASK_TYPE, _QUEUE, _STATE, _WAIT_MS, _RUN_MS, _COUNT = map(
    FIELDS.index, ("event", "task_id", "task_type", "queue", "state", "wait_ms", "run_ms", "count")
)


@dataclass(frozen=True, slots=True)
class Key:
    """Whose events a rollup adds up."""

    at: datetime
    task_type: str
    queue: str


@dataclass(slots=True)
class Rollup:
    """Counts, and how long tasks waited and attempts ran."""

    counts: Counter[str] = field(default_factory=Counter)
    wait_ms: Histogram = field(default_factory=Counter)
    run_ms: Histogram = field(default_factory=Counter)

    def add(self, other: "Rollup") -> None:
        """Count what the other counted, too."""
        self.counts.update(other.counts)
        self.wait_ms.update(other.wait_ms)
        self.run_ms.update(other.run_ms)


@dataclass(slots=True)
class Tally:
    """What some events add: rollups by minute, and accounts by the minute of acceptance."""

    rollups: dict[Key, Rollup] = field(default_factory=lambda: defaultdict(Rollup))
    accounts: dict[datetime, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def count(self, at: datetime, events: Iterable[Sequence[Any]]) -> None:
        """Add these events, as they are stored (`FIELDS`), of one row of the log."""
        minute = floor(at, 60)
        for event in events:
            if (name := event[_EVENT]) in _COUNTED:
                self._count(minute, COUNTED.get(name), event)

    def _count(self, minute: datetime, counted: str | None, event: Sequence[Any]) -> None:
        rollup = self.rollups[Key(minute, _said(event, _TASK_TYPE) or "", _said(event, _QUEUE) or "")]
        if (waited_ms := _said(event, _WAIT_MS)) is not None:
            rollup.wait_ms[bucket_of(waited_ms)] += 1
        if (ran_ms := _said(event, _RUN_MS)) is not None:
            rollup.run_ms[bucket_of(ran_ms)] += 1
        if counted is None:
            return
        rollup.counts[counted] += _said(event, _COUNT) or 1
        if counted in ACCOUNTS and (task_id := _said(event, _TASK_ID)):
            accounts = self.accounts[accepted_in(task_id)]
            accounts[counted] += 1
            if counted == "removed" and (end := ENDS.get(_said(event, _STATE))):
                accounts[end] -= 1


def _said(event: Sequence[Any], place: int) -> Any:
    return event[place] if place < len(event) else None


def floor(moment: datetime, step_s: int) -> datetime:
    """The beginning of the step that a moment is in."""
    epoch_s = int(moment.timestamp())
    return datetime.fromtimestamp(epoch_s - epoch_s % step_s, UTC)


def accepted_in(task_id: str) -> datetime:
    """The minute of a task's acceptance, as its id has it."""
    return floor(made_at(UUID(task_id)), 60)


def steps(start: datetime, end: datetime, step_s: int) -> list[datetime]:
    """The steps from one moment to another, each by its beginning."""
    first = floor(start, step_s)
    return [first + timedelta(seconds=step_s * n) for n in range(int((end - first).total_seconds() // step_s) + 1)]
