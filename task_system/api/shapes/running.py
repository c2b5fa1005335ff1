"""Task types, queues, workers and health: what there is, and how it is."""

from datetime import datetime
from typing import Any, Literal, NotRequired
from uuid import UUID

from pydantic import ConfigDict
from typing_extensions import TypedDict

from task_system.api.shapes.common import DOCUMENTED, OPEN, Links
from task_system.model.routing import Priority
from task_system.model.states import State


class Service(TypedDict):
    """What this service is."""

    service: str
    version: str
    environment: str
    """What its operators call it, to tell it from others; empty where they call it nothing."""
    description: str
    links: dict[str, str]


class RetryPolicy(TypedDict):
    """What happens after a failed attempt."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    max_attempts: int
    base_s: float
    """The first wait, which doubles each time."""
    cap_s: float
    """The longest wait."""
    jitter: bool
    not_for: list[str]
    """Errors that are not worth a retry."""


class Control(TypedDict):
    """Whether its tasks are accepted and started."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    state: Literal["allow", "hold", "refuse"]
    """hold: accepted, and not started. refuse: new ones are not accepted."""
    reason: str | None
    since: datetime | None


class TaskType(TypedDict):
    """A kind of work."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    name: str
    description: str
    lane: str
    control: Control
    parameters_schema: dict[str, Any]
    """JSON Schema."""
    result_schema: dict[str, Any]
    """JSON Schema."""
    retry_policy: RetryPolicy
    timeout_s: float
    cancel_grace_s: float
    example: dict[str, Any]
    """A submission that validates."""


class TaskTypes(TypedDict):
    """Every registered task type, by name."""

    task_types: list[TaskType]


class ControlledType(TypedDict):
    """A task type, and whether its tasks are accepted and started."""

    task_type: str
    control: Control


class PausedQueue(TypedDict):
    """Whether a queue is paused."""

    queue: str
    paused: bool
    until: datetime | None
    reason: str | None
    since: datetime | None


class Queue(TypedDict):
    """What waits in a queue, and who serves it."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    name: str
    lane: str
    priority: Priority
    waiting: int
    """Dispatched and not started, as the database knows them, and those that a pause or a hold keeps."""
    waiting_is_capped: bool
    """Whether counting stopped there."""
    ready: int | None
    """The same as `ready_in_broker`."""
    ready_in_broker: int | None
    """Messages, as RabbitMQ knows them; null while it does not answer."""
    consumers: int
    """As RabbitMQ knows them; while it does not answer, live workers."""
    oldest_waiting_s: float | None
    pause: PausedQueue
    rate_in_per_min: float
    """Tasks that were accepted for it, over the last five minutes."""
    rate_out_per_min: float
    """Tasks of it that ended."""
    drain_s: float | None
    """Until nothing waits, if all goes on like that; null: never."""


class Queues(TypedDict):
    """Every queue."""

    queues: list[Queue]
    counted_to: int
    broker: Literal["up", "down"]


class PurgedQueue(TypedDict):
    """What a purge did."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    queue: str
    cancelled: int
    complete: bool
    """false: there were too many for one request; purge again."""


class RunningTask(TypedDict):
    """A task that a worker runs."""

    task_id: UUID
    task_type: str
    attempt: int
    started_at: datetime
    running_s: float
    percent: float | None
    links: Links


class Worker(TypedDict):
    """A worker or keeper."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    name: str
    role: Literal["worker", "keeper"]
    status: Literal["alive", "lost"]
    host: str
    pid: int
    version: str
    pool: str | None
    slots: int | None
    prefetch: int | None
    """Tasks of a queue that wait in it, per slot."""
    lanes: list[str]
    running: int
    rss_mb: float | None
    """Of its processes; what they share counts for each."""
    started_at: datetime
    heartbeat_at: datetime
    silent_s: float
    """Since its last heartbeat."""
    tasks: list[RunningTask]


class LostTask(TypedDict):
    """A task whose attempt was lost with its worker."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    task_id: UUID
    state: State | None
    """What became of it; null: it was removed."""


class LostWorker(TypedDict):
    """A worker or keeper that was not heard of any more."""

    name: str
    heartbeat_at: datetime
    tasks: list[LostTask]


class Workers(TypedDict):
    """Workers and keepers, and which of them were lost within a day."""

    workers: list[Worker]
    lost: list[LostWorker]


class Alive(TypedDict):
    """This process answers."""

    status: Literal["alive"]


class Check(TypedDict):
    """One part of the service, with facts about it."""

    __pydantic_config__ = OPEN  # type: ignore[misc]

    status: Literal["ok", "failed"]
    detail: NotRequired[str]


class Ready(TypedDict):
    """All that a task needs is there."""

    status: Literal["ready"]
    checks: dict[str, Check]


class Document(TypedDict):
    """This description, in OpenAPI 3.1."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    openapi: str
