"""/api/queues/<name>/… and /api/task-types/<name>/…: what operators close, and open again."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

from flask import Blueprint, Response
from pydantic import Field, field_validator

from task_system.api.describing import described
from task_system.api.fields import Moment, Reason, within_reach
from task_system.api.http import Body, answer, parsed_if_any
from task_system.api.services import services
from task_system.api.shapes.running import ControlledType, PausedQueue, PurgedQueue
from task_system.model.errors import QueueNotFound, TaskTypeNotFound
from task_system.model.routing import LANES, queues_of
from task_system.model.time import iso
from task_system.store.controls import Pause, TypeControl

bp = Blueprint("queue_controls", __name__, url_prefix="/api")

QUEUES = frozenset(queues_of(LANES))
#: A purge answers after this long, done or not, in seconds.
PURGE_S = 10.0


QueueName = Annotated[str, Field(description="A lane and a priority.", examples=["default.normal"])]
TypeName = Annotated[str, Field(description="One of GET /api/task-types.", examples=["image_processing"])]


class PauseQueue(Body):
    """Until when, and why. Without an end it lasts until it is resumed."""

    until: Moment | None = None
    reason: Reason = None

    @field_validator("until")
    @classmethod
    def _in_future(cls, until: datetime | None) -> datetime | None:
        until = within_reach(until)
        if until and until <= datetime.now(UTC):
            raise ValueError("must be in the future")
        return until


class Why(Body):
    """Why."""

    reason: Reason = None


@bp.post("/queues/<name>/pause")
@described(
    answers={200: PausedQueue},
    body=PauseQueue,
    body_optional=True,
    examples={"until it is resumed": {"reason": "The mail server is away."}},
    path={"name": QueueName},
    problems=(QueueNotFound,),
)
def pause(name: str) -> Response:
    """Start none of its tasks, everywhere within two seconds. Those that run go on; new ones are accepted, and wait."""
    wish = parsed_if_any(PauseQueue)
    return answer(pause_view(_queue(name), services().controls.pause(_queue(name), wish.until, wish.reason)))


@bp.post("/queues/<name>/resume")
@described(answers={200: PausedQueue}, path={"name": QueueName}, problems=(QueueNotFound,))
def resume(name: str) -> Response:
    """Go on. Harmless when it was not paused."""
    services().controls.resume(_queue(name))
    return answer(pause_view(name, None))


@bp.post("/queues/<name>/purge")
@described(
    answers={200: PurgedQueue},
    body=Why,
    body_optional=True,
    examples={"why": {"reason": "The mail server is away."}},
    path={"name": QueueName},
    problems=(QueueNotFound,),
)
def purge(name: str) -> Response:
    """Cancel every task that waits for it now. `complete` is false when there were too many for one request."""
    reason = parsed_if_any(Why).reason
    deadline, count, complete = time.monotonic() + PURGE_S, 0, True
    for settled in services().controls.purge(_queue(name), f"queue purged: {reason}" if reason else "queue purged"):
        count += len(settled)
        services().tell(settled)
        if time.monotonic() > deadline:
            complete = False
            break
    return answer({"queue": name, "cancelled": count, "complete": complete})


@bp.post("/task-types/<name>/hold")
@described(
    answers={200: ControlledType},
    body=Why,
    body_optional=True,
    examples={"why": {"reason": "The mail server is away."}},
    path={"name": TypeName},
    problems=(TaskTypeNotFound,),
)
def hold(name: str) -> Response:
    """Accept its tasks, and start none."""
    return _control(name, "hold")


@bp.post("/task-types/<name>/refuse")
@described(
    answers={200: ControlledType},
    body=Why,
    body_optional=True,
    examples={"why": {"reason": "The mail server is away."}},
    path={"name": TypeName},
    problems=(TaskTypeNotFound,),
)
def refuse(name: str) -> Response:
    """Accept no new tasks of it: 503, with the reason. Those there are go on."""
    return _control(name, "refuse")


@bp.post("/task-types/<name>/allow")
@described(answers={200: ControlledType}, path={"name": TypeName}, problems=(TaskTypeNotFound,))
def allow(name: str) -> Response:
    """Neither hold nor refuse it. Harmless when it was not."""
    services().controls.allow_type(_type(name))
    return answer({"task_type": name, "control": control_view(None)})


def pause_view(queue: str, pause: Pause | None) -> dict[str, Any]:
    """Whether it is paused, and what is known of that."""
    return {
        "queue": queue,
        "paused": pause is not None,
        "until": iso(pause.until) if pause else None,
        "reason": pause.reason if pause else None,
        "since": iso(pause.since) if pause else None,
    }


def control_view(control: TypeControl | None) -> dict[str, Any]:
    """`state`: allow, hold or refuse."""
    return {
        "state": control.control if control else "allow",
        "reason": control.reason if control else None,
        "since": iso(control.since) if control else None,
    }


def _control(name: str, control: str) -> Response:
    reason = parsed_if_any(Why).reason
    services().controls.set_type(_type(name), control, reason)
    return answer({"task_type": name, "control": control_view(services().controls.types().get(name))})


def _queue(name: str) -> str:
    if name not in QUEUES:
        raise QueueNotFound
    return name


def _type(name: str) -> str:
    if name not in services().registry:
        raise TaskTypeNotFound
    return name
