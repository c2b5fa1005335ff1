"""What handlers log."""

from datetime import datetime
from uuid import UUID

from typing_extensions import TypedDict

from task_system.api.shapes.common import DOCUMENTED


class LogLine(TypedDict):
    """Something that a handler, or what it used, said."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    at: datetime
    """By the worker's clock."""
    attempt: int
    level: str
    logger: str
    message: str


class TaskLog(TypedDict):
    """A page of a task's log, oldest first."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    task_id: UUID
    lines: list[LogLine]
    dropped: int
    """Lines that are gone, because there were too many after them."""
    next: str | None
    """For `after`: where to go on, now or when the task has said more; null when nothing more can come."""
