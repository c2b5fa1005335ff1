"""Which events a stream is to show."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, WithJsonSchema

from task_system.api.http import Body
from task_system.model.states import State
from task_system.model.task_events import EVENT_NAMES, TaskEvent

_STATES = tuple(state.lower() for state in State)


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def check(name: str) -> str:
        if name.lower() not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return name.lower()

    return check


def _split(values: Any) -> Any:
    """`a,b` is as good as the parameter given twice."""
    return [part.strip() for value in values for part in value.split(",")]


_EventName = Annotated[
    str, AfterValidator(_one_of(EVENT_NAMES)), WithJsonSchema({"type": "string", "enum": list(EVENT_NAMES)})
]
_StateName = Annotated[str, AfterValidator(_one_of(_STATES)), WithJsonSchema({"type": "string", "enum": list(_STATES)})]
_Texts = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=255)]], BeforeValidator(_split), Field(max_length=50)
]


class Resume(Body):
    """Where to go on."""

    after: Annotated[
        str | None, Field(max_length=4096, description="The `id` of the last event that was seen, as Last-Event-ID.")
    ] = None


class FollowEvents(Resume):
    """Which events. Several values of one filter: any of them; several filters: all of them."""

    event: Annotated[list[_EventName], BeforeValidator(_split)] = []
    type: Annotated[_Texts, Field(validation_alias=AliasChoices("type", "task_type"))] = []
    state: Annotated[list[_StateName], BeforeValidator(_split)] = []
    queue: _Texts = []
    tag: _Texts = []
    task_id: _Texts = []

    def matches(self) -> Callable[[TaskEvent], bool]:
        """Whether an event is one of them."""
        wanted = {
            name: frozenset(values)
            for name, values in {
                "event": self.event,
                "task_type": self.type,
                "state": [state.upper() for state in self.state],
                "queue": self.queue,
                "task_id": [task_id.lower() for task_id in self.task_id],
            }.items()
            if values
        }
        tags = frozenset(self.tag)

        def match(event: TaskEvent) -> bool:
            return all(event.get(name) in values for name, values in wanted.items()) and (
                not tags or not tags.isdisjoint(event.get("tags", ()))
            )

        return match
