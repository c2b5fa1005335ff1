"""/api/tasks: submit a task, and read it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from flask import Blueprint, Response
from pydantic import AwareDatetime, Field, field_validator, model_validator

from task_system.api.http import Body, answer, parsed, task_id_of
from task_system.api.services import services
from task_system.dispatch.submit import Accepted, Submission
from task_system.model.backoff import LONGEST_DELAY_S
from task_system.model.routing import Priority
from task_system.model.states import State
from task_system.model.task import iso

bp = Blueprint("tasks", __name__, url_prefix="/api/tasks")


class SubmitTask(Body):
    """A task to be done."""

    task_type: Annotated[str, Field(description="One of GET /api/task-types.", max_length=64)]
    parameters: Annotated[
        dict[str, Any], Field(default_factory=dict, description="What the task type's schema asks for.")
    ]
    priority: Annotated[Priority, Field(description="high overtakes normal, normal overtakes low.")] = Priority.NORMAL
    delay: Annotated[float, Field(ge=0, le=LONGEST_DELAY_S, allow_inf_nan=False, description="Seconds to wait.")] = 0.0
    run_at: Annotated[AwareDatetime | None, Field(description="Not before this moment, ISO 8601 with a zone.")] = None

    @field_validator("run_at")
    @classmethod
    def _within_reach(cls, run_at: datetime | None) -> datetime | None:
        try:
            moment = run_at and run_at.astimezone(UTC)
        except OverflowError:
            raise ValueError("no calendar has this moment") from None
        if moment and moment > datetime.now(UTC) + timedelta(seconds=LONGEST_DELAY_S):
            raise ValueError("must be within ten years from now")
        return moment

    @model_validator(mode="after")
    def _one_time(self) -> "SubmitTask":
        if self.run_at is not None and self.delay:
            raise ValueError("send either delay or run_at, not both")
        return self


@bp.post("")
@bp.post("/submit")
def submit() -> Response:
    """Accept a task. 202 means: it is on disk, and will end in a terminal state."""
    wish = parsed(SubmitTask)
    accepted = services().dispatcher.submit(
        Submission(
            task_type=wish.task_type,
            parameters=wish.parameters,
            priority=wish.priority,
            delay_s=wish.delay,
            run_at=wish.run_at,
        )
    )
    return answer(_accepted(accepted), 202, Location=f"/api/tasks/{accepted.task_id}")


@bp.get("/<task_id>")
def show(task_id: str) -> Response:
    """Everything about a task."""
    id_ = task_id_of(task_id)
    return answer(services().finished_copy(id_) or services().reading.task(id_).view())


def _accepted(accepted: Accepted) -> dict[str, Any]:
    return {
        "task_id": str(accepted.task_id),
        "state": State.PENDING,
        "status": "pending" if accepted.due else "scheduled",
        "task_type": accepted.task_type,
        "priority": accepted.priority,
        "queue": accepted.queue,
        "message": "Task submitted successfully.",
        "created_at": iso(accepted.created_at),
        "run_at": iso(accepted.run_at),
        "links": {"self": f"/api/tasks/{accepted.task_id}"},
    }
