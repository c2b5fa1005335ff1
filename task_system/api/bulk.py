"""/api/bulk: one act on everything that a filter matches."""

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from flask import Blueprint, Response
from pydantic import Field

from task_system.api.describing import described
from task_system.api.fields import Reason
from task_system.api.http import Body, answer, id_of, parsed
from task_system.api.listing import listed
from task_system.api.services import services
from task_system.api.shapes.bulk import Bulk as BulkShape
from task_system.api.shapes.bulk import BulkPage, BulkPreview
from task_system.dispatch.filtering import Filter
from task_system.model.bulk import WILL_NOT, Bulk, BulkAction
from task_system.model.errors import BulkFinished, BulkNotFound, InvalidSubmission
from task_system.model.search.expression import Expression, conjuncts
from task_system.model.task import Task
from task_system.model.time import iso

#: Bulks in the list, and tasks in a preview's sample.
NEWEST, SAMPLE = 50, 5
#: A preview counts no further, and no longer, in seconds.
COUNTED, COUNT_S, AT_ONCE = 50_000, 2.0, 2000

bp = Blueprint("bulk", __name__, url_prefix="/api/bulk")


class StartBulk(Body):
    """What to do, and with which tasks."""

    action: BulkAction
    filter: Annotated[Filter, Field(description="As for GET /api/tasks. An empty one is refused.")]
    dry_run: Annotated[bool, Field(description="Only say what it would act on.")] = False
    reason: Reason = None


@bp.post("")
@described(
    answers={200: BulkPreview, 202: BulkShape},
    body=StartBulk,
    examples={
        "what would it be": {"action": "cancel", "filter": {"q": "state:pending type:csv*"}, "dry_run": True},
        "retry": {"action": "retry", "filter": {"state": ["failure"], "created_after": "2026-01-31T08:00:00Z"}},
    },
)
def start() -> Response:
    """Cancel, retry or delete every task that the filter matches now. 202 says where to look how far it is.

    With `dry_run` 200: how many they are, in which states, and the newest of them.
    """
    wish = parsed(StartBulk)
    expression = _some(wish.filter)
    if wish.dry_run:
        return answer(_preview(wish.action, expression))
    filter_ = wish.filter.model_dump(mode="json", exclude_defaults=True)
    return begun(services().bulks.create(wish.action, filter_, wish.reason))


@bp.get("")
@described(answers={200: BulkPage})
def index() -> Response:
    """The newest 50."""
    return answer({"bulks": [_view(bulk) for bulk in services().bulks.newest(NEWEST)], "next": None})


@bp.get("/<bulk_id>")
@described(answers={200: BulkShape}, problems=(BulkNotFound,))
def show(bulk_id: str) -> Response:
    """How far it is."""
    return answer(_view(services().bulks.get(_id(bulk_id))))


@bp.post("/<bulk_id>/abort")
@described(answers={200: BulkShape}, problems=(BulkNotFound, BulkFinished))
def abort(bulk_id: str) -> Response:
    """Act on no more tasks. What was done stays done."""
    return answer(_view(services().bulks.abort(_id(bulk_id))))


def begun(bulk: Bulk) -> Response:
    """202: a keeper goes on."""
    return answer(_view(bulk), 202, Location=f"/api/bulk/{bulk.id}")


def _some(filter_: Filter) -> Expression:
    try:
        expression = filter_.expression()
    except InvalidSubmission as error:
        where = [{**one, "path": f"filter.{one['path']}"} for one in error.errors]
        raise InvalidSubmission(error.detail, errors=where) from None
    if not conjuncts(expression):
        message = "matches every task: narrow it, or say that you mean all, with q: created:>0s"
        raise InvalidSubmission(errors=[{"path": "filter", "message": message}])
    return expression


def _preview(action: BulkAction, expression: Expression) -> dict[str, Any]:
    states, sample, before = Counter[str](), list[Task](), None
    deadline = time.monotonic() + COUNT_S
    while True:
        page = services().finding.page(expression, limit=AT_ONCE, before=before)
        states.update(str(task.state) for task in page.tasks)
        sample += page.tasks[: SAMPLE - len(sample)]
        before = page.before
        if before is None or states.total() >= COUNTED or time.monotonic() > deadline:
            break
    now = datetime.now(UTC)
    return {
        "action": action,
        "matching": states.total(),
        "capped": before is not None,
        "by_state": dict(states),
        "sample": [listed(task, now, []) for task in sample],
        "will_not": WILL_NOT[action],
    }


def _view(bulk: Bulk) -> dict[str, Any]:
    address = f"/api/bulk/{bulk.id}"
    return {
        "bulk_id": str(bulk.id),
        "action": bulk.action,
        "state": bulk.state,
        "reason": bulk.reason,
        "filter": bulk.filter,
        "matching": bulk.matching,
        "done": bulk.done,
        "succeeded": bulk.succeeded,
        "skipped": bulk.skipped,
        "failed": bulk.failed,
        "percent": bulk.percent,
        "created_at": iso(bulk.created_at),
        "finished_at": iso(bulk.finished_at),
        "errors": bulk.errors,
        "links": {"self": address, "abort": f"{address}/abort"},
    }


def _id(text: str) -> UUID:
    return id_of(text, BulkNotFound())
