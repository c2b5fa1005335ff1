"""/api/tasks/batch and /api/batches: many tasks at once."""

from typing import Annotated, Any, Literal
from uuid import UUID

from flask import Blueprint, Response, current_app, request
from pydantic import Field, ValidationError, WithJsonSchema

from task_system.api.describing import described
from task_system.api.http import Body, answer, parsed
from task_system.api.services import services
from task_system.api.shapes.batches import AcceptedBatch, Batch
from task_system.api.tasks import ANY_SUBMISSION, SubmitTask
from task_system.dispatch.batches import Errors
from task_system.dispatch.submit import Submission, errors_of
from task_system.model.errors import BatchNotFound, InvalidSubmission, Overloaded
from task_system.model.states import TERMINAL
from task_system.model.task import Recorded, iso

MOST = 10_000
#: A batch may be this many times as large as another request.
TIMES_AS_LARGE = 32

bp = Blueprint("batches", __name__, url_prefix="/api")


class SubmitBatch(Body):
    """Tasks to be done."""

    tasks: Annotated[
        list[Annotated[Any, WithJsonSchema(ANY_SUBMISSION)]],
        Field(min_length=1, max_length=MOST, description="Each as for POST /api/tasks."),
    ]
    mode: Annotated[
        Literal["all", "each"],
        Field(description="all or none, or each that is valid."),
    ] = "all"


@bp.post("/tasks/batch")
@described(
    answers={202: AcceptedBatch},
    body=SubmitBatch,
    examples={
        "two": {
            "tasks": [
                {"task_type": "data_processing", "parameters": {"data": [1, 2, 3]}},
                {"task_type": "data_processing", "parameters": {"data": "some text"}, "priority": "low"},
            ],
            "mode": "each",
        }
    },
    problems=(Overloaded,),
)
def submit() -> Response:
    """Accept many tasks at once. The answer says for each, in order, what it became or why not."""
    request.max_content_length = TIMES_AS_LARGE * current_app.config["MAX_CONTENT_LENGTH"]
    if "Idempotency-Key" in request.headers:
        raise InvalidSubmission(errors=[{"path": "Idempotency-Key", "message": "is not for batches"}])
    wish = parsed(SubmitBatch)
    accepted = services().batches.submit([_item(task) for task in wish.tasks], each=wish.mode == "each")
    tasks = [_answer(one) for one in accepted.answers]
    count = sum(1 for one in accepted.answers if isinstance(one, Recorded))
    address = f"/api/batches/{accepted.batch_id}"
    body = {
        "batch_id": str(accepted.batch_id),
        "accepted": count,
        "refused": len(tasks) - count,
        "tasks": tasks,
        "links": {"self": address},
    }
    return answer(body, 202, Location=address)


@bp.get("/batches/<batch_id>")
@described(answers={200: Batch}, problems=(BatchNotFound,))
def show(batch_id: str) -> Response:
    """How far a batch is."""
    try:
        id_ = UUID(batch_id)
    except ValueError:
        raise BatchNotFound(batch_id=batch_id) from None
    counts = services().batches.count(id_)
    total, over = sum(counts.values()), sum(count for state, count in counts.items() if state in TERMINAL)
    return answer(
        {
            "batch_id": str(id_),
            "total": total,
            "finished": over,
            "percent": round(100 * over / total, 2),
            "counts": {str(state): count for state, count in counts.items()},
            "links": {"self": f"/api/batches/{id_}"},
        }
    )


def _item(task: Any) -> Submission | Errors:
    try:
        wish = SubmitTask.model_validate(task)
    except ValidationError as error:
        return errors_of(error)
    for path in ("unique_for", "debounce"):
        if getattr(wish, path) is not None:
            return [{"path": path, "message": "is not for batches; submit the task alone"}]
    return wish.submission()


def _answer(one: Recorded | Errors) -> dict[str, Any]:
    if isinstance(one, Recorded):
        return {
            "task_id": str(one.id),
            "status": "pending" if one.due else "scheduled",
            "run_at": iso(one.run_at),
        }
    return {"errors": one}
