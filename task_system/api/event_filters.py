"""Which events a stream is to show."""

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, WithJsonSchema

from task_system.api.http import Body
from task_system.dispatch.filtering import one_of, split
from task_system.model.states import State
from task_system.model.task_events import EVENT_NAMES, TaskEvent

_STATES = tuple(state.lower() for state in State)


_EventName = Annotated[
    str, AfterValidator(one_of(EVENT_NAMES)), WithJsonSchema({"type": "string", "enum": list(EVENT_NAMES)})
]
_StateName = Annotated[str, AfterValidator(one_of(_STATES)), WithJsonSchema({"type": "string", "enum": list(_STATES)})]
_Texts = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=255)]], BeforeValidator(split), Field(max_length=50)
]


class Resume(Body):
    """Where to go on."""

    after: Annotated[
        str | None, Field(max_length=4096, description="The `id` of the last event that was seen, as Last-Event-ID.")
    ] = None


class FollowEvents(Resume):
    """Which events. Several values of one filter: any of them; several filters: all of them."""

    event: Annotated[list[_EventName], BeforeValidator(split)] = []
    type: Annotated[_Texts, Field(validation_alias=AliasChoices("type", "task_type"))] = []
    state: Annotated[list[_StateName], BeforeValidator(split)] = []
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
