"""Acts on everything that a filter matches."""

from datetime import datetime
from typing import Any, NotRequired
from uuid import UUID

from typing_extensions import TypedDict

from task_system.api.shapes.common import DOCUMENTED
from task_system.api.shapes.tasks import ListedTask
from task_system.model.bulk import BulkAction, BulkState


class BulkLinks(TypedDict):
    """Addresses to go on from."""

    self: str
    abort: str


class BulkError(TypedDict):
    """Why a task could not be acted on, or, without one, why all of it could not."""

    task_id: NotRequired[UUID]
    message: str


class Bulk(TypedDict):
    """How far one is."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    bulk_id: UUID
    action: BulkAction
    state: BulkState
    """`freezing`: the set of tasks is being found; then it is fixed."""
    reason: str | None
    filter: dict[str, Any]
    """As it was sent."""
    matching: int
    """Tasks in the set, so far."""
    done: int
    """Tasks that were dealt with: `succeeded`, `skipped` or `failed`."""
    succeeded: int
    skipped: int
    """Left alone: the action was not for them."""
    failed: int
    percent: float
    created_at: datetime
    finished_at: datetime | None
    errors: list[BulkError]
    """Of those that failed, the first ones."""
    links: BulkLinks


class BulkPreview(TypedDict):
    """What a bulk would act on."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    action: BulkAction
    matching: int
    capped: bool
    """There are more than were counted."""
    by_state: dict[str, int]
    """Of those that were counted."""
    sample: list[ListedTask]
    """The newest ones."""
    will_not: str
    """What is left alone."""


class BulkPage(TypedDict):
    """The newest ones."""

    bulks: list[Bulk]
    next: None
