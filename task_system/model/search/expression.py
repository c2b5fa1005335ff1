"""What a search says, as values. Frozen and comparable, so that tests and the store need no parser."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from task_system.model.states import State

Operator = Literal["=", "<", "<=", ">", ">="]
WordField = Literal[
    "task_type", "queue", "lane", "priority", "tag", "worker", "id", "batch_id", "schedule_id", "failure"
]
TimeField = Literal["created_at", "run_at", "started_at", "finished_at"]
SpanField = Literal["duration", "waited"]
PathRoot = Literal["parameters", "result", "metadata"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Text to be equal to; where `prefix` is true, only to begin with."""

    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class InState:
    """In one of these states; `scheduled`: or PENDING with a time that has not come."""

    states: frozenset[State]
    scheduled: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A field is one of these."""

    field: WordField
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class ErrorSays:
    """The error's type or message has one of these texts in it, in whatever case."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Says:
    """A word without a field: the task type or the error has it in it, in whatever case."""

    text: str


@dataclass(frozen=True, slots=True)
class When:
    """A time compared with a moment."""

    field: TimeField
    operator: Operator
    moment: datetime


@dataclass(frozen=True, slots=True)
class Lasted:
    """A span compared with a number of seconds."""

    field: SpanField
    operator: Operator
    seconds: float


@dataclass(frozen=True, slots=True)
class Attempts:
    """The number of starts compared with a number."""

    operator: Operator
    number: int


@dataclass(frozen=True, slots=True)
class AtPath:
    """What stands at a path inside parameters, result or metadata.

    With the operator `=` one of these texts, read as JSON text and as the number, truth value or null that they may
    look like; with another operator one number.
    """

    root: PathRoot
    path: tuple[str, ...]
    operator: Operator
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """All of them; of none, every task."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them."""

    parts: tuple["Expression", ...]


Expression: TypeAlias = InState | Word | ErrorSays | Says | When | Lasted | Attempts | AtPath | Not | And | Or


def conjuncts(expression: Expression) -> list[Expression]:
    """What must hold, each for itself."""
    if isinstance(expression, And):
        return [inner for part in expression.parts for inner in conjuncts(part)]
    return [expression]
