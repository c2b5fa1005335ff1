"""/api/failures: what failed for good, grouped by what is the same."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from flask import Blueprint, Response
from pydantic import BeforeValidator, Field, WithJsonSchema

from task_system.api.bulk import begun
from task_system.api.describing import described
from task_system.api.fields import Reason
from task_system.api.http import Body, answer, parsed_if_any
from task_system.api.paging import UNKNOWN_CURSOR, page_from
from task_system.api.queries import queried
from task_system.api.services import services
from task_system.api.shapes.bulk import Bulk as BulkShape
from task_system.api.shapes.failures import FailurePage
from task_system.dispatch.filtering import Filter
from task_system.model.bulk import BulkAction
from task_system.model.errors import FailureNotFound
from task_system.model.text import WRITTEN
from task_system.model.time import iso
from task_system.store.failures import Group

bp = Blueprint("failures", __name__, url_prefix="/api/failures")

_WINDOWS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7), "all": None}
_BETWEEN = "~"
_FINGERPRINT = re.compile(r"[0-9a-f]{16}", re.ASCII)


def _cursor(text: str) -> tuple[datetime, str]:
    at, _, failure = text.partition(_BETWEEN)
    if not _FINGERPRINT.fullmatch(failure):
        raise ValueError(UNKNOWN_CURSOR)
    try:
        return datetime.fromisoformat(at).astimezone(UTC), failure
    except (ValueError, OverflowError):
        raise ValueError(UNKNOWN_CURSOR) from None


class ListFailures(Body):
    """Which groups."""

    window: Annotated[Literal["1h", "24h", "7d", "all"], Field(description="Those that failed within it.")] = "24h"
    task_type: Annotated[str | None, Field(max_length=64, pattern=WRITTEN)] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    cursor: Annotated[tuple[datetime, str] | None, BeforeValidator(_cursor), WithJsonSchema({"type": "string"})] = None


class RetryFailures(Body):
    """Why."""

    reason: Reason = None


@bp.get("")
@described(answers={200: FailurePage}, query=ListFailures)
def index() -> Response:
    """Groups of failures, the one that failed last first. `open`: how many of it were not retried by hand."""
    wish = queried(ListFailures)
    span = _WINDOWS[wish.window]
    since = None if span is None else datetime.now(UTC) - span
    page = services().failures.groups(since=since, task_type=wish.task_type, limit=wish.limit, after=wish.cursor)
    following = _next(page.groups[-1]) if page.more else None
    return answer({"window": wish.window, "failures": [_view(group) for group in page.groups], "next": following})


@bp.post("/<failure>/retry")
@described(
    answers={202: BulkShape},
    path={"failure": str},
    body=RetryFailures,
    body_optional=True,
    examples={"why": {"reason": "The other side is back."}},
    problems=(FailureNotFound,),
)
def retry(failure: str) -> Response:
    """Run all again that failed so and were not retried yet, in bulk. 202 says where to look how far it is."""
    reason = parsed_if_any(RetryFailures).reason
    filter_ = {"failure": [failure]}
    if not _FINGERPRINT.fullmatch(failure) or not _has_tasks(Filter.model_validate(filter_)):
        raise FailureNotFound
    return begun(services().bulks.create(BulkAction.RETRY, filter_, reason))


def _has_tasks(filter_: Filter) -> bool:
    return bool(services().finding.page(filter_.expression(), limit=1).tasks)


def _view(group: Group) -> dict[str, Any]:
    return {
        "failure": group.failure,
        "task_type": group.task_type,
        "error_type": group.error_type,
        "message": group.message,
        "count": group.count,
        "open": group.open,
        "capped": group.capped,
        "first_at": iso(group.first_at),
        "last_at": iso(group.last_at),
        "example_task_id": str(group.example_task_id),
        "queues": group.queues,
        "links": {
            "tasks": f"/api/tasks?failure={group.failure}",
            "example": f"/api/tasks/{group.example_task_id}",
        },
    }


def _next(last: Group) -> str:
    return page_from(f"{iso(last.last_at)}{_BETWEEN}{last.failure}")
