"""/api/tasks/<task_id>/…: what callers may do to a task."""

from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import Field, ValidationError

from task_system.api.http import Body, answer, parsed_if_any, task_id_of
from task_system.api.services import services
from task_system.dispatch.submit import errors_of
from task_system.model.errors import InvalidSubmission
from task_system.model.states import State

bp = Blueprint("acting", __name__, url_prefix="/api/tasks")


class CancelTask(Body):
    """Why, for whoever looks at the task later."""

    reason: Annotated[str | None, Field(max_length=1000, pattern=r"^[^\x00]*$", description="Shown with the task.")] = (
        None
    )


@bp.post("/<task_id>/cancel")
def cancel(task_id: str) -> Response:
    """Cancel a task. 200: it is over, and never starts again. 202: it runs, and is being stopped."""
    return _cancel(task_id, parsed_if_any(CancelTask))


@bp.delete("/<task_id>")
def delete(task_id: str) -> Response:
    """Cancel a task, as POST …/cancel does; the reason may be sent as `?reason=`."""
    try:
        return _cancel(task_id, CancelTask.model_validate(request.args.to_dict()))
    except ValidationError as error:
        raise InvalidSubmission(errors=errors_of(error)) from None


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
