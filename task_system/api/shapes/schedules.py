"""Schedules."""

from datetime import datetime
from typing import Any
from uuid import UUID

from typing_extensions import TypedDict

from task_system.api.shapes.common import DOCUMENTED, Links
from task_system.model.routing import Priority
from task_system.model.schedule import CatchUp, Overlap, TickOutcome
from task_system.model.states import State


class ListedSchedule(TypedDict):
    """A rule that submits tasks."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    schedule_id: UUID
    name: str
    task_type: str
    parameters: dict[str, Any]
    priority: Priority
    cron: str | None
    every_s: float | None
    timezone: str
    jitter_s: float
    starts_at: datetime | None
    ends_at: datetime | None
    overlap: Overlap
    catch_up: CatchUp
    catch_up_max: int
    pause_after_failures: int | None
    paused: bool
    pause_reason: str | None
    declared: bool
    """Whether it is declared in code, and changed only there."""
    next_fire_at: datetime | None
    created_at: datetime
    updated_at: datetime
    links: Links


class Tick(TypedDict):
    """A moment of a schedule, and what became of it."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    fire_at: datetime
    outcome: TickOutcome
    task_id: UUID | None
    state: State | None
    """The task's."""
    detail: str | None


class Schedule(ListedSchedule):
    """A schedule with its next times and last ticks."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    next_times: list[datetime]
    ticks: list[Tick]
    """The newest first."""


class SchedulePage(TypedDict):
    """Schedules by name."""

    schedules: list[ListedSchedule]
    next: str | None


class ScheduledLinks(TypedDict):
    """The task, and the schedule."""

    self: str
    schedule: str


class Submitted(TypedDict):
    """The task of a schedule that was run by hand."""

    task_id: UUID
    links: ScheduledLinks
