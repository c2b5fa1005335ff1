"""Failures, grouped."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from typing_extensions import TypedDict

from task_system.api.shapes.common import DOCUMENTED


class FailureLinks(TypedDict):
    """Addresses to go on from."""

    tasks: str
    example: str


class FailureGroup(TypedDict):
    """Tasks that failed alike."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    failure: str
    """The fingerprint that they share."""
    task_type: str
    error_type: str | None
    message: str
    """With numbers, ids, quoted values, URLs and paths folded."""
    count: int
    open: int
    """How many were not retried by hand."""
    capped: bool
    """There are more; the numbers are those of the last ones."""
    first_at: datetime
    last_at: datetime
    example_task_id: UUID
    """The last one."""
    queues: list[str]
    links: FailureLinks


class FailurePage(TypedDict):
    """Groups of failures, the one that failed last first."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    window: Literal["1h", "24h", "7d", "all"]
    failures: list[FailureGroup]
    next: str | None
    """The address of the next page."""
