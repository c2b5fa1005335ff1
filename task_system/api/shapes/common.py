"""What several answers have in common."""

from typing import Any, NotRequired

from pydantic import ConfigDict
from typing_extensions import TypedDict

from task_system.model.states import State

#: For every shape: `__pydantic_config__ = DOCUMENTED` takes its fields' docstrings as their descriptions.
DOCUMENTED = ConfigDict(use_attribute_docstrings=True)
#: For one that has members of the caller's own.
OPEN = ConfigDict(use_attribute_docstrings=True, extra="allow")


class Links(TypedDict):
    """Addresses to go on from."""

    __pydantic_config__ = OPEN  # type: ignore[misc]

    self: str


class Finding(TypedDict):
    """One thing that is wrong with a request."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    path: str
    """Where: names and numbers with dots between, as in `parameters.rows.3`."""
    message: str
    """What, and what would be right."""
    position: NotRequired[int]
    """Of a search: the character that it cannot be read from."""
    expected: NotRequired[Any]
    """Of a search: what could stand there."""


class Problem(TypedDict):
    """An error, as RFC 9457 has it."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    type: str
    """`urn:task-system:problem:` and the code."""
    title: str
    """The status in words."""
    status: int
    detail: str
    """What is wrong, and what to do."""
    instance: str
    """The address that was asked."""
    error: str
    """The code."""
    errors: NotRequired[list[Finding]]
    """What does not fit, each with its place."""
    task_id: NotRequired[str]
    file_id: NotRequired[str]
    state: NotRequired[State]
    """The state that the task is in."""
    checks: NotRequired[dict[str, Any]]
    """Of the readiness check: each part, and what it said."""
