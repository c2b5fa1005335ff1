"""Tasks: accepted, shown, listed, changed."""

from datetime import datetime
from typing import Any, Literal, NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from task_system.api.shapes.common import DOCUMENTED, OPEN, Links
from task_system.api.shapes.files import File
from task_system.model.routing import Priority
from task_system.model.states import State

Status = Literal["pending", "scheduled", "started", "retry", "success", "failure", "cancelled", "expired"]
Code = Literal[
    "finished",
    "running",
    "stopping",
    "retry_backoff",
    "scheduled",
    "queue_paused",
    "type_held",
    "no_worker",
    "publishing",
    "waiting",
]


class Accepted(TypedDict):
    """A task that is on disk, and will end in a terminal state."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    task_id: UUID
    state: State
    status: Status
    """The state in a person's words; `scheduled` for one that is not due yet."""
    task_type: str
    priority: Priority
    queue: str
    message: str
    created_at: datetime
    run_at: datetime
    """When it is due."""
    unique: NotRequired[Literal["new", "existing"]]
    """Of a submission with `unique_for`: whether this is the task that was there before."""
    debounced: NotRequired[Literal["new", "replaced"]]
    """Of a submission with `debounce`: whether it replaced what the task was before."""
    retry_of: NotRequired[UUID]
    """The task that this one runs again."""
    links: Links


class Error(TypedDict):
    """What the last attempt failed with."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    type: str
    message: str | None
    attempt: int
    traceback: NotRequired[str | None]
    """Not in lists."""


class Progress(TypedDict):
    """What the handler last said, with fields of its own."""

    __pydantic_config__ = OPEN  # type: ignore[misc]

    percent: float
    message: str
    rate_per_s: NotRequired[float]
    """Percent points a second since the attempt began, while it runs and has said something."""
    eta_s: NotRequired[float]
    """Seconds that are left at that rate."""


class Attempt(TypedDict):
    """An earlier attempt, one that did not end in success."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    attempt: int
    outcome: Literal["success", "retry", "failure", "cancelled", "snoozed", "handed_back", "lost"]
    type: str | None
    message: str | None
    traceback: str | None
    worker: str | None
    started_at: datetime | None
    finished_at: datetime


class Moment(TypedDict):
    """Something that happened, or is to come."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    at: datetime
    event: str
    attempt: NotRequired[int]
    worker: NotRequired[str | None]


class ListedTask(TypedDict):
    """A task in a list."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    task_id: UUID
    task_type: str
    priority: Priority
    queue: str
    state: State
    status: Status
    """The state in a person's words; `scheduled` for one that is not due yet."""
    error: Error | None
    failure: str | None
    """The fingerprint that it shares with failures that are the same."""
    progress: Progress
    tags: list[str]
    metadata: dict[str, Any]
    expires_at: datetime | None
    """Not started by then, it never is."""
    retry_of: UUID | None
    """The task that this one runs again."""
    retried_as: UUID | None
    """The task that runs this one again."""
    batch_id: UUID | None
    schedule_id: UUID | None
    cancel_reason: str | None
    attempt: int
    """How many attempts were started."""
    max_attempts: int
    created_at: datetime
    run_at: datetime
    """When it is due, or was."""
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: float | None
    queued_ms: float | None
    """From due to started."""
    worker: str | None
    links: Links
    parameters: NotRequired[Any]
    """As they were sent; in lists with `include=parameters`."""
    result: NotRequired[Any]
    """What the handler returned; in lists with `include=result`."""


class Task(ListedTask):
    """Everything about a task."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    files: list[File]
    """What it made, once it has succeeded."""
    heartbeat_at: datetime | None
    """Of a running task: when its worker was last heard of."""
    result_size: int | None
    """Of a result that is too large to stand here, in bytes; `links.result` leads to it."""
    errors: list[Attempt]
    """Earlier attempts."""
    timeline: list[Moment]
    """Oldest first."""


class TaskPage(TypedDict):
    """Tasks, newest first."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    tasks: list[ListedTask]
    next: str | None
    """The next page's address; null after the last one."""
    searched_to: datetime | None
    """How far back a page looked that is not full, and not the last."""


class Cancelled(TypedDict):
    """What a cancel did."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    task_id: UUID
    state: State
    cancelled: Literal[True, "requested"]
    """true: it is over. requested: it runs, and is being stopped."""
    message: str
    links: Links


class Explained(TypedDict):
    """Why a task is where it is."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    task_id: UUID
    state: State
    code: Code
    sentence: str
    numbers: dict[str, Any]
    """What the sentence is made of."""
