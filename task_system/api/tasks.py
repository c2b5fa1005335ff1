"""/api/tasks: submit a task, and read it."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from flask import Blueprint, Response, request
from pydantic import AfterValidator, Field, WithJsonSchema, field_validator, model_validator

from task_system.api.describing import described
from task_system.api.fields import Metadata, Moment, Seconds, Tags, fits, within_reach
from task_system.api.http import Body, answer, parsed, task_id_of
from task_system.api.queries import queried
from task_system.api.services import services
from task_system.api.shapes.tasks import Accepted as AcceptedShape
from task_system.api.shapes.tasks import Task as TaskShape
from task_system.dispatch.debounce import debounced
from task_system.dispatch.once import by_fields, by_key
from task_system.dispatch.submit import Accepted, Submission
from task_system.failpoints import failpoint
from task_system.model.backoff import LONGEST_DELAY_S
from task_system.model.errors import (
    IdempotencyKeyReused,
    InvalidSubmission,
    Overloaded,
    TaskNotFound,
    TaskTypeRefused,
    UnknownTaskType,
)
from task_system.model.routing import Priority
from task_system.model.states import State
from task_system.model.task import Extras, Task
from task_system.model.time import iso
from task_system.store.idempotency import Once

#: JSON Schema of a field that takes a whole submission; the API's description puts the union of all types there.
ANY_SUBMISSION = {"x-submission": True}
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_SAME = r"task_type|priority|tags|parameters(\.[^.\x00]+)*"
Same = Annotated[
    str,
    Field(max_length=200),
    AfterValidator(fits(_SAME, "must be task_type, priority, tags, parameters, or a path such as parameters.user.id")),
    WithJsonSchema({"type": "string", "maxLength": 200, "pattern": f"^({_SAME})$"}),
]
#: Of one wait, in seconds; ten of them are not too long.
LONGEST_DEBOUNCE_S = LONGEST_DELAY_S / 10
#: `?wait=` waits no longer, in seconds.
LONGEST_WAIT_S = 30.0

bp = Blueprint("tasks", __name__, url_prefix="/api/tasks")


class SubmitTask(Body):
    """A task to be done."""

    task_type: Annotated[str, Field(description="One of GET /api/task-types.", max_length=64)]
    parameters: Annotated[
        dict[str, Any], Field(default_factory=dict, description="What the task type's schema asks for.")
    ]
    priority: Annotated[Priority, Field(description="high overtakes normal, normal overtakes low.")] = Priority.NORMAL
    delay: Annotated[Seconds, Field(ge=0, le=LONGEST_DELAY_S, description="Seconds to wait.")] = 0.0
    run_at: Annotated[Moment | None, Field(description="Not before this moment, ISO 8601 with a zone.")] = None

    tags: Annotated[Tags | None, Field(description="Words to find it by.")] = None
    metadata: Annotated[Metadata | None, Field(description="Facts of your own, kept with the task.")] = None
    timeout: Annotated[
        Seconds | None,
        Field(gt=0, description="Seconds for an attempt, at most the type's."),
    ] = None
    expires_in: Annotated[
        Seconds | None,
        Field(gt=0, le=LONGEST_DELAY_S, allow_inf_nan=False, description="Seconds; not started by then, it never is."),
    ] = None

    unique_for: Annotated[
        Seconds | None,
        Field(gt=0, le=LONGEST_DELAY_S, allow_inf_nan=False, description="Seconds in which it is not accepted again."),
    ] = None
    unique_by: Annotated[
        tuple[Same, ...],
        Field(min_length=1, max_length=20, description="What makes it the same: fields, or paths into parameters."),
    ] = ("task_type", "parameters")

    debounce: Annotated[
        Seconds | None,
        Field(
            gt=0,
            le=LONGEST_DEBOUNCE_S,
            allow_inf_nan=False,
            description="Seconds to wait for another like it, which replaces it and is waited after anew.",
        ),
    ] = None
    debounce_by: Annotated[
        tuple[Same, ...] | None,
        Field(min_length=1, max_length=20, description="What makes it like another of its type, as `unique_by`."),
    ] = None
    debounce_max: Annotated[
        Seconds | None,
        Field(
            gt=0,
            le=LONGEST_DELAY_S,
            allow_inf_nan=False,
            description="Seconds, from the first one on, after which it is put off no more; else ten times `debounce`.",
        ),
    ] = None

    _within_reach = field_validator("run_at")(within_reach)

    @model_validator(mode="after")
    def _one_time(self) -> "SubmitTask":
        if self.run_at is not None and self.delay:
            raise ValueError("send either delay or run_at, not both")
        if self.expires_in is not None and self.expires_in <= self._waits_s():
            raise ValueError("it would expire before it is due: expires_in counts from now")
        if self.debounce is not None:
            self._debounced()
        elif self.debounce_by or self.debounce_max:
            raise ValueError("debounce_by and debounce_max say how to debounce: send debounce, too")
        if self.unique_for is None and "unique_by" in self.model_fields_set:
            raise ValueError("unique_by says what is the same, and for how long is missing: send unique_for, too")
        return self

    def _debounced(self) -> None:
        assert self.debounce is not None
        if not self.debounce_by:
            raise ValueError("send debounce_by: what makes it like another, such as parameters.user.id")
        if self.delay or self.run_at is not None or self.unique_for is not None:
            raise ValueError("debounce says when it is due: send no delay, run_at or unique_for")
        if self.debounce_max is not None and self.debounce_max < self.debounce:
            raise ValueError("debounce_max must not be less than debounce")

    def _waits_s(self) -> float:
        if self.debounce is not None:
            return self.debounce
        return self.delay if self.run_at is None else (self.run_at - datetime.now(UTC)).total_seconds()

    def submission(self) -> Submission:
        """What is handed on."""
        plain = self.tags is None and self.metadata is None and self.expires_in is None
        return Submission(
            task_type=self.task_type,
            parameters=self.parameters,
            priority=self.priority,
            delay_s=self.delay,
            # One that has passed means now; the task has not waited since then.
            run_at=self.run_at if self._waits_s() > 0 else None,
            timeout_s=self.timeout,
            extras=None
            if plain
            else Extras(tags=self.tags or None, metadata=self.metadata or None, expires_in_s=self.expires_in),
        )


class SubmitQuery(Body):
    """How it is answered."""

    wait: Annotated[
        float,
        Field(ge=0, le=LONGEST_WAIT_S, allow_inf_nan=False, description="Seconds in which to answer with the end."),
    ] = 0.0


@bp.post("")
@bp.post("/submit")
@described(
    answers={200: TaskShape, 202: AcceptedShape},
    query=SubmitQuery,
    headers={"Idempotency-Key": "Sent again with the same body, it is answered with the same task. For 24 hours."},
    body=SubmitTask,
    problems=(UnknownTaskType, IdempotencyKeyReused, TaskTypeRefused, Overloaded),
)
def submit() -> Response:
    """Accept a task. 202 means: it is on disk, and will end in a terminal state.

    With `?wait=SECONDS` 200 and the whole task, if it ends within that time.
    """
    wait_s = queried(SubmitQuery).wait if request.query_string else 0.0
    wish = parsed(SubmitTask)
    if wish.unique_for is not None or "HTTP_IDEMPOTENCY_KEY" in request.environ:
        return _submit_once(wish, wait_s)
    if wish.debounce is not None:
        return _submit_latest(wish, wait_s)
    accepted = services().dispatcher.submit(wish.submission())
    failpoint("web.before_answer")
    if wait_s and services().ends.wait_for(accepted.task_id, wait_s):
        return answer(services().reading.task(accepted.task_id).view())
    body = accepted_view(accepted)
    return answer(body, 202, Location=body["links"]["self"])


def _submit_once(wish: SubmitTask, wait_s: float) -> Response:
    once = _once(wish)
    answered = services().once.submit(wish.submission(), once)
    before = isinstance(answered, Task)
    task_id = answered.id if isinstance(answered, Task) else answered.task_id
    replayed = {"Idempotent-Replay": "true"} if before and once.fingerprint else {}
    if wait_s and services().ends.wait_for(task_id, wait_s):
        return answer(services().reading.task(task_id).view(), 200, **replayed)
    body = accepted_view(_accepted_before(answered) if isinstance(answered, Task) else answered)
    if not once.fingerprint:
        body["unique"] = "existing" if before else "new"
        if isinstance(answered, Task):
            now = {"state": answered.state, "status": answered.view()["status"]}
            body |= {**now, "message": "The same task was submitted before."}
    return answer(body, 202, Location=f"/api/tasks/{task_id}", **replayed)


def _submit_latest(wish: SubmitTask, wait_s: float) -> Response:
    assert wish.debounce is not None
    by = debounced(wish.model_dump(mode="json"), wish.debounce_by or (), wish.debounce, wish.debounce_max)
    latest = services().latest.submit(wish.submission(), by)
    task_id = latest.accepted.task_id
    if wait_s and services().ends.wait_for(task_id, wait_s):
        return answer(services().reading.task(task_id).view())
    body = accepted_view(latest.accepted) | {"debounced": "replaced" if latest.replaced else "new"}
    return answer(body, 202, Location=f"/api/tasks/{task_id}")


def _once(wish: SubmitTask) -> Once:
    key = request.headers.get("Idempotency-Key")
    body = wish.model_dump(mode="json")
    if key is None:
        assert wish.unique_for is not None
        return by_fields(body, wish.unique_by, wish.unique_for)
    for path in ("unique_for", "debounce"):
        if getattr(wish, path) is not None:
            raise InvalidSubmission(errors=[{"path": path, "message": "send either it or an Idempotency-Key"}])
    if not _KEY.fullmatch(key):
        raise InvalidSubmission(errors=[{"path": "Idempotency-Key", "message": "must be 1 to 255 visible characters"}])
    return by_key(key, body)


def _accepted_before(task: Task) -> Accepted:
    return Accepted(
        task_id=task.id,
        task_type=task.task_type,
        priority=Priority(task.priority),
        queue=task.queue,
        created_at=task.created_at,
        run_at=task.run_at,
        due=task.run_at <= task.created_at,
    )


@bp.get("/<task_id>")
@described(answers={200: TaskShape}, problems=(TaskNotFound,))
def show(task_id: str) -> Response:
    """Everything about a task."""
    id_ = task_id_of(task_id)
    return answer(services().finished_copy(id_) or services().reading.task(id_).view())


def accepted_view(accepted: Accepted) -> dict[str, Any]:
    task_id, created_at = str(accepted.task_id), iso(accepted.created_at)
    return {
        "task_id": task_id,
        "state": State.PENDING,
        "status": "pending" if accepted.due else "scheduled",
        "task_type": accepted.task_type,
        "priority": accepted.priority,
        "queue": accepted.queue,
        "message": "Task submitted successfully.",
        "created_at": created_at,
        "run_at": created_at if accepted.run_at == accepted.created_at else iso(accepted.run_at),
        "links": {"self": f"/api/tasks/{task_id}"},
    }
