"""/api/tasks/<task_id>/…: what callers may do to a task."""

from typing import Annotated, Any

from flask import Blueprint, Response
from pydantic import Field, field_validator

from task_system.api.describing import described
from task_system.api.fields import Moment, Reason, Tags, within_reach
from task_system.api.http import Body, answer, parsed, parsed_if_any, task_id_of
from task_system.api.queries import queried
from task_system.api.services import services
from task_system.api.shapes.tasks import Accepted, Cancelled, Task
from task_system.api.tasks import accepted_view
from task_system.model.errors import (
    TaskFinished,
    TaskNotFinished,
    TaskNotFound,
    TaskNotWaiting,
    TaskTypeRefused,
)
from task_system.model.routing import Priority
from task_system.model.states import State
from task_system.store.acting import Change

bp = Blueprint("acting", __name__, url_prefix="/api/tasks")


class CancelTask(Body):
    """Why, for whoever looks at the task later."""

    reason: Reason = None


@bp.post("/<task_id>/cancel")
@described(
    answers={200: Cancelled, 202: Cancelled},
    body=CancelTask,
    body_optional=True,
    examples={"why": {"reason": "It was sent twice."}},
    problems=(TaskNotFound, TaskFinished),
)
def cancel(task_id: str) -> Response:
    """Cancel a task. 200: it is over, and never starts again. 202: it runs, and is being stopped."""
    return _cancel(task_id, parsed_if_any(CancelTask))


@bp.delete("/<task_id>")
@described(answers={200: Cancelled, 202: Cancelled}, query=CancelTask, problems=(TaskNotFound, TaskFinished))
def delete(task_id: str) -> Response:
    """Cancel a task, as POST …/cancel does; the reason may be sent as `?reason=`."""
    return _cancel(task_id, queried(CancelTask))


class RetryTask(Body):
    """What is to be otherwise this time."""

    parameters: Annotated[
        dict[str, Any] | None, Field(description="Instead of those of the first run; without it, the same.")
    ] = None


class ChangeTask(Body):
    """What is to be otherwise about a task that waits."""

    run_at: Annotated[Moment | None, Field(description="Not before this moment, ISO 8601 with a zone.")] = None
    priority: Priority | None = None
    tags: Tags | None = None

    _within_reach = field_validator("run_at")(within_reach)


@bp.post("/<task_id>/retry")
@described(
    answers={202: Accepted},
    body=RetryTask,
    body_optional=True,
    examples={"the same": {}, "with other parameters": {"parameters": {"data": [1, 2, 3]}}},
    problems=(TaskNotFound, TaskNotFinished, TaskTypeRefused),
)
def retry(task_id: str) -> Response:
    """Run a task that is over again, as a new task. 202 says which."""
    id_ = task_id_of(task_id)
    accepted = services().actions.retry(id_, parsed_if_any(RetryTask).parameters)
    return answer({**accepted_view(accepted), "retry_of": str(id_)}, 202, Location=f"/api/tasks/{accepted.task_id}")


@bp.post("/<task_id>/run-now")
@described(answers={200: Task}, problems=(TaskNotFound, TaskNotWaiting, TaskFinished))
def run_now(task_id: str) -> Response:
    """Run a task that waits for its time as soon as possible."""
    return answer(services().actions.change(task_id_of(task_id), Change(now=True)).view())


@bp.patch("/<task_id>")
@described(
    answers={200: Task},
    body=ChangeTask,
    examples={"more urgent": {"priority": "high"}, "tagged": {"tags": ["nightly"]}},
    problems=(TaskNotFound, TaskNotWaiting, TaskFinished),
)
def change(task_id: str) -> Response:
    """Change when a waiting task runs, how urgent it is, or its tags."""
    id_, wish = task_id_of(task_id), parsed(ChangeTask)
    wanted = Change(run_at=wish.run_at, priority=wish.priority, tags=wish.tags)
    return answer(services().actions.change(id_, wanted).view())


def _cancel(task_id: str, wish: CancelTask) -> Response:
    id_ = task_id_of(task_id)
    state = services().actions.cancel(id_, wish.reason)
    over = state is State.CANCELLED
    body = {
        "task_id": str(id_),
        "state": state,
        "cancelled": True if over else "requested",
        "message": "The task is cancelled." if over else "The task runs; its worker stops it.",
        "links": {"self": f"/api/tasks/{id_}"},
    }
    return answer(body, 200 if over else 202)
