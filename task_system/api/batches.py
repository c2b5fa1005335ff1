"""/api/tasks/batch and /api/batches: many tasks at once."""

from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from flask import Blueprint, Response, current_app, request
from pydantic import Field, Json, ValidationError, WithJsonSchema
from werkzeug.exceptions import UnsupportedMediaType

from task_system.api.describing import Media, described
from task_system.api.http import Body, answer, id_of, parsed
from task_system.api.lines import spooled
from task_system.api.queries import UNFIT, queried
from task_system.api.services import services
from task_system.api.shapes.batches import AcceptedBatch, BatchPage
from task_system.api.shapes.batches import Batch as BatchShape
from task_system.api.tasks import ANY_SUBMISSION, SubmitTask
from task_system.dispatch.findings import Errors, errors_of
from task_system.dispatch.nesting import TOO_DEEP, is_too_deep
from task_system.dispatch.submit import Submission
from task_system.model.errors import BatchNotFound, FilesFull, InvalidSubmission, Overloaded
from task_system.model.states import TERMINAL
from task_system.model.task import Recorded
from task_system.model.time import iso
from task_system.store.batches import Batch

MOST = 10_000
#: A batch may be this many times as large as another request.
TIMES_AS_LARGE = 32
NDJSON = "application/x-ndjson"
#: Lines of a body; and of one that is recorded in one transaction.
MOST_LINES, MOST_LINES_AT_ONCE = 1_000_000, 50_000
#: Batches in the list.
NEWEST = 50

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
    callback: Annotated[
        Annotated[Any, WithJsonSchema(ANY_SUBMISSION)],
        Field(description="Submitted once, when all are over, with their counts in its metadata."),
    ] = None


class SubmitLines(Body):
    """How lines are taken."""

    mode: Annotated[Literal["all", "each"], Field(description="Of lines: all or none, or each that is valid.")] = "all"
    callback: Annotated[
        Json[Any] | None,
        Field(description="With lines: a submission as JSON, submitted once, when all are over."),
        WithJsonSchema({"type": "string"}),
    ] = None


@bp.post("/tasks/batch")
@described(
    answers={202: AcceptedBatch},
    query=SubmitLines,
    body=(SubmitBatch, Media(NDJSON)),
    examples={
        "two": {
            "tasks": [
                {"task_type": "data_processing", "parameters": {"data": [1, 2, 3]}},
                {"task_type": "data_processing", "parameters": {"data": "some text"}, "priority": "low"},
            ],
            "mode": "each",
        }
    },
    problems=(Overloaded, FilesFull),
)
def submit() -> Response:
    """Accept many tasks at once. The answer says for each, in order, what it became or why not.

    As NDJSON, a task a line, they may be many more; then it says how many were accepted, and why the others were not.
    422 when it was none.
    """
    request.max_content_length = TIMES_AS_LARGE * current_app.config["MAX_CONTENT_LENGTH"]
    if "Idempotency-Key" in request.headers:
        raise InvalidSubmission(errors=[{"path": "Idempotency-Key", "message": "is not for batches"}])
    if request.mimetype == NDJSON:
        return _submit_lines()
    if not request.is_json:
        raise UnsupportedMediaType(f"Send JSON with `Content-Type: application/json`, or lines of it with `{NDJSON}`.")
    if request.args:
        message = f"is for lines ({NDJSON}): in JSON it stands in the body"
        raise InvalidSubmission(UNFIT, errors=[{"path": name, "message": message} for name in request.args])
    wish = parsed(SubmitBatch)
    accepted = services().batches.submit(
        [_item(task) for task in wish.tasks], each=wish.mode == "each", callback=_callback(wish.callback)
    )
    tasks = [_answer(one) for one in accepted.answers]
    count = sum(1 for one in accepted.answers if isinstance(one, Recorded))
    return _accepted(accepted.batch_id, {"accepted": count, "refused": len(tasks) - count, "tasks": tasks})


def _submit_lines() -> Response:
    wish = queried(SubmitLines)
    most = MOST_LINES if wish.mode == "each" else MOST_LINES_AT_ONCE
    with spooled(request, most, services().room_for_lines) as lines:
        accepted = services().batches.submit_lines(
            lambda: map(_line, lines()), each=wish.mode == "each", callback=_callback(wish.callback)
        )
    errors = [{"line": number, "errors": errors} for number, errors in accepted.errors]
    return _accepted(accepted.batch_id, {"accepted": accepted.accepted, "refused": accepted.refused, "errors": errors})


def _accepted(batch_id: UUID, became: dict[str, Any]) -> Response:
    address = f"/api/batches/{batch_id}"
    return answer({"batch_id": str(batch_id), **became, "links": {"self": address}}, 202, Location=address)


@bp.get("/batches")
@described(answers={200: BatchPage})
def index() -> Response:
    """The newest 50."""
    return answer({"batches": [_view(batch) for batch in services().batches.newest(NEWEST)], "next": None})


@bp.get("/batches/<batch_id>")
@described(answers={200: BatchShape}, problems=(BatchNotFound,))
def show(batch_id: str) -> Response:
    """How far a batch is."""
    id_ = id_of(batch_id, BatchNotFound(batch_id=batch_id))
    batch, counts = services().batches.get(id_)
    return answer(_detailed(id_, batch, {str(state): count for state, count in counts.items()}))


def _detailed(batch_id: UUID, batch: Batch | None, counts: dict[str, int]) -> dict[str, Any]:
    counts = (batch and batch.counts) or counts
    if batch is not None:
        return {**_view(batch), "counts": counts}
    # Submitted before batches had rows of their own.
    total, over = sum(counts.values()), sum(count for state, count in counts.items() if state in TERMINAL)
    return {**_progress(batch_id, total, over), "counts": counts}


def _view(batch: Batch) -> dict[str, Any]:
    return {
        **_progress(batch.id, batch.total, batch.total - batch.live),
        "created_at": iso(batch.created_at),
        "finished_at": iso(batch.finished_at),
        "callback_task_id": str(batch.callback_task_id) if batch.callback_task_id else None,
        "callback_error": batch.callback_error,
    }


def _progress(batch_id: UUID, total: int, over: int) -> dict[str, Any]:
    return {
        "batch_id": str(batch_id),
        "total": total,
        "finished": over,
        "percent": round(100 * over / total, 2),
        "links": {"self": f"/api/batches/{batch_id}"},
    }


def _callback(callback: Any) -> Submission | None:
    if callback is None:
        return None
    item = _item(callback)
    if isinstance(item, Submission):
        return item
    raise InvalidSubmission(errors=[{**error, "path": f"callback.{error['path']}"} for error in item])


def _line(line: bytes | Errors) -> Submission | Errors:
    if not isinstance(line, bytes):
        return line
    try:
        task = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return [{"path": "body", "message": f"is not valid JSON: {error}"}]
    return [{"path": "body", "message": TOO_DEEP}] if is_too_deep(line, task) else _item(task)


def _item(task: Any) -> Submission | Errors:
    try:
        wish = SubmitTask.model_validate(task)
    except ValidationError as error:
        return errors_of(error, task, model=SubmitTask)
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
