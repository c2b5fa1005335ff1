"""GET /api/tasks: pages of tasks, newest first."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from flask import Blueprint, Response
from pydantic import BeforeValidator, Field

from task_system.api.describing import described
from task_system.api.http import answer
from task_system.api.paging import Cursor, next_page
from task_system.api.queries import queried
from task_system.api.services import services
from task_system.api.shapes.tasks import TaskPage
from task_system.dispatch.filtering import Filter, split
from task_system.model.task import Task
from task_system.model.time import iso
from task_system.store.finding import EXTRAS

bp = Blueprint("listing", __name__, url_prefix="/api/tasks")

#: Tasks on a page.
MOST, DEFAULT = 200, 50


class ListTasks(Filter):
    """Which tasks. Several values of one filter: any of them; several filters: all of them."""

    limit: Annotated[int, Field(ge=1, le=MOST, description="Tasks on the page.")] = DEFAULT
    cursor: Cursor = None
    include: Annotated[
        list[Literal["parameters", "result"]],
        BeforeValidator(split),
        Field(description="What each task is to have, besides the rest."),
    ] = []


@bp.get("")
@described(answers={200: TaskPage}, query=ListTasks)
def index() -> Response:
    """A page of tasks. `next` leads to the next one; `searched_to` says how far back a page looked that is not full."""
    wish = queried(ListTasks)
    page = services().finding.page(wish.expression(), limit=wish.limit, before=wish.cursor, include=wish.include)
    now = datetime.now(UTC)
    return answer(
        {
            "tasks": [listed(task, now, wish.include) for task in page.tasks],
            "next": None if page.before is None else next_page(page.before),
            "searched_to": iso(page.searched_to),
        }
    )


def listed(task: Task, now: datetime, include: list[Literal["parameters", "result"]]) -> dict[str, Any]:
    """A task as lists show it."""
    view = task.view(now)
    for name in {"errors", "timeline", "files", "result_size", "heartbeat_at", *EXTRAS} - set(include):
        del view[name]
    if view["error"]:
        del view["error"]["traceback"]
    return view
