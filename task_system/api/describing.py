"""`@described`: what a route takes and answers, said beside it. `openapi/` makes the document of it, when asked.

Nothing here is looked at while a request is answered. Models are those that validate; shapes of answers are TypedDicts
in `shapes/`, which cost next to nothing until they are described.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from task_system.model.errors import TaskSystemError

F = TypeVar("F", bound=Callable[..., Any])

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Media:
    """A body that is not JSON, or not only. shape: of its JSON; None: bytes or text that no schema describes."""

    content_type: str
    shape: Any = None


#: A shape as JSON; a Media; several of them, of which the caller chooses; None: no body.
Content = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """All that is said of one route; its summary and description are the view's docstring."""

    answers: dict[int, Content]
    path: dict[str, Any] = field(default_factory=dict)
    query: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Content = None
    body_optional: bool = False
    examples: dict[str, Any] = field(default_factory=dict)
    problems: tuple[type[TaskSystemError], ...] = ()
    statuses: dict[int, str] = field(default_factory=dict)
    uses_store: bool = True


#: By view function.
OPERATIONS: dict[Callable[..., Any], Operation] = {}


def described(
    *,
    answers: dict[int, Content],
    path: dict[str, Any] | None = None,
    query: Any = None,
    headers: dict[str, str] | None = None,
    body: Content = None,
    body_optional: bool = False,
    examples: dict[str, Any] | None = None,
    problems: tuple[type[TaskSystemError], ...] = (),
    statuses: dict[int, str] | None = None,
    uses_store: bool = True,
) -> Callable[[F], F]:
    """Say what a view takes and answers; goes below `@bp.get(…)`, and returns the view unchanged.

    answers: by status, the shape of the body: a TypedDict or model (as JSON), a Media, a tuple of them, or None.
    path: what the address's parameters are, as types or annotations; those that end in `_id` need no mention.
    query: the model whose fields are the query's parameters; others are refused.
    headers: request headers by name, each with what it is for.
    body: the model that reads it, as JSON, or a Media, or a tuple of them.
    body_optional: whether the request may come without one.
    examples: bodies by name; each must validate.
    problems: the errors of ours that it may end in; 400, 413, 415, 422 and 503 are added where they follow.
    statuses: problems that are no error of ours, by status, each with what it means.
    uses_store: whether it is answered with 503 while the database is away.
    """
    operation = Operation(
        answers=answers,
        path=path or {},
        query=query,
        headers=headers or {},
        body=body,
        body_optional=body_optional,
        examples=examples or {},
        problems=problems,
        statuses=statuses or {},
        uses_store=uses_store,
    )

    def register(view: F) -> F:
        OPERATIONS[view] = operation
        return view

    return register
