"""Which tasks are meant: the filters that lists and bulk acts have in common, and what they say as one expression."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from task_system.model.errors import InvalidSubmission
from task_system.model.moments import written
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
from task_system.model.text import WRITTEN

_STATES = (*(state.lower() for state in State), "scheduled")
#: Filters and the fields they are equal to.
_WORDS: dict[str, WordField] = {
    "task_id": "id",
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


def one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    """Takes one of these, in whatever case it is written."""

    def check(name: str) -> str:
        if name.lower() not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return name.lower()

    return check


def _several(values: Any) -> Any:
    """One is as good as a list of it."""
    return values if isinstance(values, list | tuple) else [values]


def split(values: Any) -> Any:
    """`a,b` is as good as a list of both."""
    values = _several(values)
    return [part.strip() for value in values for part in value.split(",")] if all(map(_is_text, values)) else values


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _in_reach(moment: datetime) -> datetime:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("no calendar has this moment") from None
    if not 1970 <= moment.year <= 9998:
        raise ValueError("must be a year from 1970 to 9998")
    return moment


_Text = Annotated[str, Field(max_length=255, pattern=WRITTEN)]
#: Of which each may have a comma in it.
_Texts = Annotated[list[_Text], Field(max_length=20), BeforeValidator(_several)]
_Names = Annotated[list[_Text], Field(max_length=20), BeforeValidator(split)]
_Ids = Annotated[list[UUID], Field(max_length=20), BeforeValidator(split)]
#: As many as a page of the list has.
_TaskIds = Annotated[list[UUID], Field(max_length=200), BeforeValidator(split)]
_Moment = Annotated[AwareDatetime, BeforeValidator(written), AfterValidator(_in_reach)]


_SEARCH = (
    "A search: terms of which all must hold, such as `state:failure,retry type:csv* -tag:test`. A comma means or, a "
    "star whatever follows, `-` or NOT the opposite; OR and parentheses join terms, quotes hold what has spaces. "
    "Times are moments, or ages: `created:>2h` is longer ago, `finished:<1d` since then, `created:2026-01-31` that "
    "day. Also `duration:>30s`, `waited:>5m`, `attempt:>1`, `error:timeout`, `parameters.user.id:42`; a word alone is "
    "looked for in task types and errors."
)


class Filter(BaseModel):
    """Which tasks. Several values of one filter: any of them; several filters: all of them."""

    model_config = ConfigDict(extra="forbid")

    state: Annotated[
        list[
            Annotated[str, AfterValidator(one_of(_STATES)), WithJsonSchema({"type": "string", "enum": list(_STATES)})]
        ],
        BeforeValidator(split),
    ] = []
    task_id: _TaskIds = []
    task_type: _Names = []
    priority: Annotated[list[Priority], BeforeValidator(split)] = []
    queue: _Names = []
    tag: _Texts = []
    worker: _Texts = []
    schedule_id: _Ids = []
    batch_id: _Ids = []
    error: Annotated[_Texts, Field(description="Part of an error's type or message.")] = []
    failure: Annotated[_Names, Field(description="The fingerprint of a group of GET /api/failures.")] = []
    created_after: _Moment | None = None
    created_before: _Moment | None = None
    finished_after: _Moment | None = None
    finished_before: _Moment | None = None
    q: Annotated[str, Field(description=_SEARCH)] = ""

    def expression(self, now: datetime | None = None) -> Expression:
        """All that the tasks must fit; ages count from `now`. Raises InvalidSubmission for a `q` that is none."""
        parts = [_searched(self.q, now or datetime.now(UTC))]
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


def _searched(q: str, now: datetime) -> Expression:
    try:
        return parse(q, now)
    except SearchError as error:
        where = {"path": "q", "message": str(error), "position": error.position, "expected": error.expected}
        raise InvalidSubmission(f"The search cannot be read: {error}.", errors=[where]) from None
