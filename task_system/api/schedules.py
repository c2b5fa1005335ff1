"""/api/schedules: rules that submit tasks."""

from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from flask import Blueprint, Response
from pydantic import AfterValidator, Field, RootModel, ValidationError, WithJsonSchema, field_validator

from task_system.api.describing import described
from task_system.api.fields import Moment, Reason, Seconds, fits
from task_system.api.http import Body, answer, done, id_of, parsed, parsed_if_any
from task_system.api.queries import queried
from task_system.api.services import services
from task_system.api.shapes.schedules import Schedule as ScheduleShape
from task_system.api.shapes.schedules import SchedulePage, Submitted
from task_system.dispatch.findings import errors_of
from task_system.dispatch.scheduled import task_of
from task_system.dispatch.submit import validated
from task_system.model.backoff import LONGEST_DELAY_S
from task_system.model.errors import (
    InvalidSubmission,
    NameTaken,
    ScheduleIsDeclared,
    ScheduleNotFound,
    TaskTypeRefused,
    UnknownTaskType,
)
from task_system.model.routing import Priority
from task_system.model.schedule import CatchUp, Overlap, ScheduleSpec, findings
from task_system.model.text import STORABLE
from task_system.model.time import iso
from task_system.store.schedules import Schedule, Tick

bp = Blueprint("schedules", __name__, url_prefix="/api/schedules")

#: Of one page.
LIMIT = 200
NEXT_TIMES = 5
LAST_TICKS = 20
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}"
Name = Annotated[
    str,
    AfterValidator(fits(_NAME, "must be 1 to 128 letters, digits or _.:- and begin with a letter or a digit")),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 128, "pattern": f"^{_NAME}$"}),
]
_SPEC = tuple(field.name for field in fields(ScheduleSpec))


class ScheduleBody(Body):
    """A schedule. Send either `cron` or `every_s`."""

    name: Name
    task_type: Annotated[str, Field(description="One of GET /api/task-types.", max_length=64)]
    parameters: Annotated[dict[str, Any], Field(default_factory=dict, description="Of each task.")]
    priority: Priority = Priority.NORMAL
    cron: Annotated[
        str | None, Field(max_length=200, description="Five fields, or six with a second first, or @daily.")
    ] = None
    every_s: Annotated[Seconds | None, Field(allow_inf_nan=False, description="Seconds.")] = None
    timezone: Annotated[str, Field(max_length=64, description="Whose clock `cron` means.")] = "UTC"
    jitter_s: Annotated[Seconds, Field(allow_inf_nan=False, description="Seconds, at most.")] = 0.0
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    overlap: Overlap = Overlap.ALLOW
    catch_up: CatchUp = CatchUp.NONE
    catch_up_max: int = 100
    pause_after_failures: int | None = None
    paused: bool = False

    @field_validator("starts_at", "ends_at")
    @classmethod
    def _within_reach(cls, moment: datetime | None) -> datetime | None:
        reach = timedelta(seconds=LONGEST_DELAY_S)
        if moment and abs(moment - datetime.now(UTC)) > reach:
            raise ValueError("must be within ten years of now")
        return moment and moment.astimezone(UTC)

    def spec(self) -> ScheduleSpec:
        """What it says. Raises InvalidSubmission."""
        spec = ScheduleSpec(**self.model_dump(exclude={"paused"}))
        if wrong := findings(spec, datetime.now(UTC)):
            raise InvalidSubmission(errors=wrong)
        validated(services().registry.get(spec.task_type), spec.parameters)
        return spec


class Changes(RootModel[dict[str, Any]]):
    """Some fields of a schedule. What they make of it is checked as a whole."""


class PauseBody(Body):
    """Why, for those who find it paused."""

    reason: Reason = None


class ListSchedules(Body):
    """Where the page begins."""

    after: Annotated[
        str, Field(max_length=128, pattern=STORABLE, description="The name that the page before ended with.")
    ] = ""


@bp.post("")
@described(
    answers={201: ScheduleShape},
    body=ScheduleBody,
    examples={
        "every night": {
            "name": "nightly-report",
            "task_type": "data_processing",
            "parameters": {"data": [1, 2, 3]},
            "cron": "0 3 * * *",
            "timezone": "Europe/Berlin",
        },
    },
    problems=(UnknownTaskType, NameTaken),
)
def create() -> Response:
    """Make a schedule."""
    body = parsed(ScheduleBody)
    spec = body.spec()
    services().dispatcher.check_files_of(spec.task_type, spec.parameters)
    made = services().schedules.create(spec, paused=body.paused)
    return answer(_detailed(made), 201, Location=_link(made))


@bp.get("")
@described(answers={200: SchedulePage}, query=ListSchedules)
def index() -> Response:
    """All schedules by name, up to 200 at a time."""
    page = services().schedules.page(LIMIT + 1, queried(ListSchedules).after)
    last = page[LIMIT - 1].spec.name if len(page) > LIMIT else None
    return answer(
        {
            "schedules": [_view(schedule) for schedule in page[:LIMIT]],
            "next": f"/api/schedules?after={quote(last)}" if last else None,
        }
    )


@bp.get("/<schedule_id>")
@described(answers={200: ScheduleShape}, problems=(ScheduleNotFound,))
def show(schedule_id: str) -> Response:
    """A schedule, its next times and what became of its last ticks."""
    return answer(_detailed(services().schedules.get(_id(schedule_id))))


@bp.patch("/<schedule_id>")
@described(
    answers={200: ScheduleShape},
    body=Changes,
    examples={"another time": {"cron": "30 4 * * *"}},
    problems=(ScheduleNotFound, ScheduleIsDeclared, NameTaken),
)
def change(schedule_id: str) -> Response:
    """Change what is sent; the rest stays."""
    changes = parsed(Changes).root
    if "paused" in changes:
        raise InvalidSubmission(errors=[{"path": "paused", "message": "POST to …/pause or …/resume"}])

    def edit(spec: ScheduleSpec) -> ScheduleSpec:
        merged = asdict(spec) | changes
        for new, old in (("cron", "every_s"), ("every_s", "cron")):
            if changes.get(new) is not None and old not in changes:
                merged[old] = None
        try:
            return ScheduleBody.model_validate(merged).spec()
        except ValidationError as error:
            raise InvalidSubmission(errors=errors_of(error, merged, model=ScheduleBody)) from None

    id_ = _id(schedule_id)
    if changes.keys() & {"task_type", "parameters"}:
        wanted = edit(services().schedules.get(id_).spec)
        services().dispatcher.check_files_of(wanted.task_type, wanted.parameters)
    return answer(_detailed(services().schedules.change(id_, edit)))


@bp.delete("/<schedule_id>")
@described(answers={204: None}, problems=(ScheduleNotFound, ScheduleIsDeclared))
def remove(schedule_id: str) -> Response:
    """Forget a schedule. Its tasks stay."""
    services().schedules.remove(_id(schedule_id))
    return done()


@bp.post("/<schedule_id>/pause")
@described(
    answers={200: ScheduleShape},
    body=PauseBody,
    body_optional=True,
    examples={"why": {"reason": "Holidays."}},
    problems=(ScheduleNotFound,),
)
def pause(schedule_id: str) -> Response:
    """No ticks until it is resumed."""
    return answer(_detailed(services().schedules.pause(_id(schedule_id), parsed_if_any(PauseBody).reason)))


@bp.post("/<schedule_id>/resume")
@described(answers={200: ScheduleShape}, problems=(ScheduleNotFound,))
def resume(schedule_id: str) -> Response:
    """Go on, with the next tick from now."""
    return answer(_detailed(services().schedules.resume(_id(schedule_id))))


@bp.post("/<schedule_id>/run-now")
@described(answers={202: Submitted}, problems=(ScheduleNotFound, UnknownTaskType, InvalidSubmission, TaskTypeRefused))
def run_now(schedule_id: str) -> Response:
    """Submit its task once, besides its ticks; paused or not."""
    dispatcher = services().dispatcher
    schedule, task = services().schedules.run_now(
        _id(schedule_id), lambda schedule, now, missing: task_of(dispatcher, schedule, now, missing)
    )
    links = {"self": f"/api/tasks/{task.id}", "schedule": _link(schedule)}
    return answer({"task_id": str(task.id), "links": links}, 202, Location=links["self"])


def _id(text: str) -> UUID:
    return id_of(text, ScheduleNotFound())


def _link(schedule: Schedule) -> str:
    return f"/api/schedules/{schedule.id}"


def _view(schedule: Schedule) -> dict[str, Any]:
    spec = {name: getattr(schedule.spec, name) for name in _SPEC}
    return {
        "schedule_id": str(schedule.id),
        **spec,
        "starts_at": iso(schedule.spec.starts_at),
        "ends_at": iso(schedule.spec.ends_at),
        "paused": schedule.paused,
        "pause_reason": schedule.pause_reason,
        "declared": schedule.declared,
        "next_fire_at": iso(schedule.next_fire_at),
        "created_at": iso(schedule.created_at),
        "updated_at": iso(schedule.updated_at),
        "links": {"self": _link(schedule)},
    }


def _detailed(schedule: Schedule) -> dict[str, Any]:
    upcoming: list[datetime] = []
    if schedule.next_fire_at:
        timing = schedule.spec.timing(schedule.created_at)
        upcoming = [schedule.next_fire_at, *timing.upcoming(schedule.next_fire_at, NEXT_TIMES - 1)]
    ticks = services().schedules.ticks(schedule.id, LAST_TICKS)
    return {**_view(schedule), "next_times": [iso(tick) for tick in upcoming], "ticks": [_tick(tick) for tick in ticks]}


def _tick(tick: Tick) -> dict[str, Any]:
    return {
        "fire_at": iso(tick.fire_at),
        "outcome": tick.outcome,
        "task_id": str(tick.task_id) if tick.task_id else None,
        "state": tick.state,
        "detail": tick.detail,
    }
