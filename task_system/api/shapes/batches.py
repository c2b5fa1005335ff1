"""Batches of tasks."""

from datetime import datetime
from typing import Literal
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


class AcceptedBatch(TypedDict):
    """What became of a batch."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    batch_id: UUID
    accepted: int
    refused: int
    tasks: list[AcceptedItem | RefusedItem]
    """In the order in which they were sent."""
    links: Links


class Batch(TypedDict):
    """How far a batch is."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    batch_id: UUID
    total: int
    finished: int
    percent: float
    counts: dict[str, int]
    """Tasks by state."""
    links: Links
