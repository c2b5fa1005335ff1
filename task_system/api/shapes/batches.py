"""Batches of tasks."""

from datetime import datetime
from typing import Literal, NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from task_system.api.shapes.common import DOCUMENTED, Finding, Links


class AcceptedItem(TypedDict):
    """One task of a batch, accepted."""

    task_id: UUID
    status: Literal["pending", "scheduled"]
    run_at: datetime


class RefusedItem(TypedDict):
    """One task of a batch that was not accepted."""

    errors: list[Finding]


class RefusedLine(TypedDict):
    """A line that was not accepted."""

    line: int
    errors: list[Finding]


class AcceptedBatch(TypedDict):
    """What became of a batch."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    batch_id: UUID
    accepted: int
    refused: int
    tasks: NotRequired[list[AcceptedItem | RefusedItem]]
    """In the order in which they were sent."""
    errors: NotRequired[list[RefusedLine]]
    """Of NDJSON: the first lines that were not accepted."""
    links: Links


class ListedBatch(TypedDict):
    """How far a batch is."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    batch_id: UUID
    total: int
    finished: int
    percent: float
    created_at: NotRequired[datetime]
    finished_at: NotRequired[datetime | None]
    callback_task_id: NotRequired[UUID | None]
    """The task that followed it."""
    callback_error: NotRequired[str | None]
    """Why none could."""
    links: Links


class Batch(ListedBatch):
    """How far a batch is, with its tasks by state."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    counts: dict[str, int]
    """Tasks by state."""


class BatchPage(TypedDict):
    """The newest ones."""

    batches: list[ListedBatch]
    next: None
