"""GET /api/tasks: pages of tasks, newest first."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_origin
from uuid import UUID

from flask import Blueprint, Response, request
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, ValidationError, WithJsonSchema

from task_system.api.describing import described
from task_system.api.http import Body, answer
from task_system.api.paging import id_of_cursor, next_page
from task_system.api.services import services
from task_system.api.shapes.tasks import TaskPage
from task_system.dispatch.submit import errors_of
from task_system.model.errors import InvalidSubmission
from task_system.model.routing import Priority
from task_system.model.search import Expression, SearchError, parse
from task_system.model.search.expression import (
    And,
    ErrorSays,
    InState,
    Operator,
    Pattern,
    TimeField,
    When,
    Word,
    WordField,
)
from task_system.model.states import State
from task_system.model.task import Task, iso
from task_system.store.finding import EXTRAS

bp = Blueprint("listing", __name__, url_prefix="/api/tasks")

_STATES = (*(state.lower() for state in State), "scheduled")
#: Tasks on a page.
MOST, DEFAULT = 200, 50
#: Filters and the fields they are equal to.
_WORDS: dict[str, WordField] = {
    "task_type": "task_type",
    "priority": "priority",
    "queue": "queue",
    "tag": "tag",
    "worker": "worker",
    "schedule_id": "schedule_id",
    "batch_id": "batch_id",
    "failure": "failure",
}
_TIMES: dict[str, tuple[TimeField, Operator]] = {
    "created_after": ("created_at", ">="),
    "created_before": ("created_at", "<"),
    "finished_after": ("finished_at", ">="),
    "finished_before": ("finished_at", "<"),
}


def _state(name: str) -> str:
    if name.lower() not in _STATES:
        raise ValueError(f"must be one of {', '.join(_STATES)}")
    return name.lower()


def _split(values: Any) -> Any:
    """`a,b` is as good as the parameter given twice."""
    return [part.strip() for value in values for part in value.split(",")]


def _in_reach(moment: datetime) -> datetime:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("no calendar has this moment") from None
    if not 1970 <= moment.year <= 9998:
        raise ValueError("must be a year from 1970 to 9998")
    return moment


_Text = Annotated[str, Field(max_length=255, pattern=r"^[^\x00]+$")]
_Texts = Annotated[list[_Text], Field(max_length=20)]
_Ids = Annotated[list[UUID], Field(max_length=20)]
_Moment = Annotated[AwareDatetime, AfterValidator(_in_reach)]


class ListTasks(Body):
    """Which tasks. Several values of one filter: any of them; several filters: all of them."""

    state: Annotated[
        list[Annotated[str, AfterValidator(_state), WithJsonSchema({"type": "string", "enum": list(_STATES)})]],
        BeforeValidator(_split),
    ] = []
    task_type: _Texts = []
    priority: list[Priority] = []
    queue: _Texts = []
    tag: _Texts = []
    worker: _Texts = []
    schedule_id: _Ids = []
    batch_id: _Ids = []
    error: Annotated[_Texts, Field(description="Part of an error's type or message.")] = []
    failure: Annotated[_Texts, Field(description="The fingerprint of a group of GET /api/failures.")] = []
    created_after: _Moment | None = None
    created_before: _Moment | None = None
    finished_after: _Moment | None = None
    finished_before: _Moment | None = None
    q: Annotated[str, Field(description="A search, such as `state:failure -tag:test created:>2h`.")] = ""
    limit: Annotated[int, Field(ge=1, le=MOST, description="Tasks on the page.")] = DEFAULT
    cursor: Annotated[
        UUID | None,
        BeforeValidator(id_of_cursor),
        WithJsonSchema({"type": "string", "description": "Where the page begins; from the `next` of the one before."}),
    ] = None
    include: Annotated[
        list[Literal["parameters", "result"]],
        BeforeValidator(_split),
        Field(description="What each task is to have, besides the rest."),
    ] = []

    def expression(self) -> Expression:
        """All that the tasks must fit. Raises InvalidSubmission for a `q` that is none."""
        parts = [_searched(self.q)]
        if self.state:
            states = frozenset(State(name.upper()) for name in self.state if name != "scheduled")
            parts.append(InState(states, "scheduled" in self.state))
        for name, field in _WORDS.items():
            if values := getattr(self, name):
                parts.append(Word(field, tuple(Pattern(str(value)) for value in values)))
        if self.error:
            parts.append(ErrorSays(tuple(self.error)))
        for name, (time, operator) in _TIMES.items():
            if moment := getattr(self, name):
                parts.append(When(time, operator, moment))
        return And(tuple(parts))


_SEVERAL = {name for name, field in ListTasks.model_fields.items() if get_origin(field.annotation) is list}


@bp.get("")
@described(answers={200: TaskPage}, query=ListTasks)
def index() -> Response:
    """A page of tasks. `next` leads to the next one; `searched_to` says how far back a page looked that is not full."""
    wish = _wish()
    page = services().finding.page(wish.expression(), limit=wish.limit, before=wish.cursor, include=wish.include)
    now = datetime.now(UTC)
    return answer(
        {
            "tasks": [_listed(task, now, wish.include) for task in page.tasks],
            "next": None if page.before is None else next_page(page.before),
            "searched_to": iso(page.searched_to),
        }
    )


def _wish() -> ListTasks:
    given = {
        name: values if name in _SEVERAL or len(values) > 1 else values[0]
        for name, values in request.args.to_dict(flat=False).items()
    }
    try:
        return ListTasks.model_validate(given)
    except ValidationError as error:
        raise InvalidSubmission(
            "The query does not fit. `errors` says where and why.", errors=errors_of(error)
        ) from None


def _searched(q: str) -> Expression:
    try:
        return parse(q, datetime.now(UTC))
    except SearchError as error:
        where = {"path": "q", "message": str(error), "position": error.position, "expected": error.expected}
        raise InvalidSubmission(f"The search cannot be read: {error}.", errors=[where]) from None


def _listed(task: Task, now: datetime, include: list[Literal["parameters", "result"]]) -> dict[str, Any]:
    view = task.view(now)
    for name in {"errors", "timeline", "files", "result_size", *EXTRAS} - set(include):
        del view[name]
    if view["error"]:
        del view["error"]["traceback"]
    return view
