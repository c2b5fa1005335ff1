"""The event log's words: one event for each change of a task that a caller could see."""

from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from task_system.model.states import State
from task_system.model.time import iso

#: Its names are those of FIELDS, and `at`; what is not known of an event is not in it.
TaskEvent: TypeAlias = dict[str, Any]
EventName: TypeAlias = Literal[
    "task.accepted",
    "task.started",
    "task.progress",
    "task.retry",
    "task.succeeded",
    "task.failed",
    "task.cancelled",
    "task.expired",
    "task.removed",
    "task.changed",
]

#: What an event says, in the order in which it is stored. Those that most events have come first; new ones come last.
FIELDS = (
    "event",
    "task_id",
    "task_type",
    "queue",
    "state",
    "tags",
    "attempt",
    # Of the task.
    "created_at",
    # From when it was due until it was started, and from then until now, in milliseconds.
    "wait_ms",
    "run_ms",
    "worker",
    # What the attempt ended in (`model/outcome.py`).
    "outcome",
    "error_type",
    "failure",
    "percent",
    "message",
    # How many tasks a `task.removed` without an id speaks of.
    "count",
)

#: What is told of a task that came into a state otherwise than by its submission.
EVENT_OF: dict[State, EventName] = {
    State.PENDING: "task.changed",
    State.STARTED: "task.started",
    State.RETRY: "task.retry",
    State.SUCCESS: "task.succeeded",
    State.FAILURE: "task.failed",
    State.CANCELLED: "task.cancelled",
    State.EXPIRED: "task.expired",
}
EVENT_NAMES: tuple[EventName, ...] = ("task.accepted", "task.progress", "task.removed", *EVENT_OF.values())


def stored(event: TaskEvent) -> list[Any]:
    """An event as it is kept: its values by their place, without the empty ones at the end."""
    values = [event.get(name) for name in FIELDS]
    while values and values[-1] is None:
        values.pop()
    return values


def told(values: list[Any], at: datetime) -> TaskEvent:
    """What `stored` kept, of a batch that was written at that moment."""
    event = {name: value for name, value in zip(FIELDS, values, strict=False) if value is not None}
    if created_at := event.get("created_at"):
        event["created_at"] = iso(datetime.fromisoformat(created_at).astimezone(UTC))
    return {**event, "at": iso(at)}
