"""A task type: everything that is known of one kind of work before anybody asks for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter

from task_system.registry.context import Context
from task_system.registry.retry_policy import RetryPolicy

Handler = Callable[[Context, Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskType:
    """One registered kind of work. Made by `@task_type`, which checks all of it."""

    name: str
    description: str
    handler: Handler
    parameters: type[BaseModel]
    result: TypeAdapter[Any]
    lane: str
    retry: RetryPolicy
    #: An attempt that runs longer is stopped, in seconds.
    timeout_s: float
    #: After a cancel, an attempt that does not stop when told is killed this much later, in seconds.
    cancel_grace_s: float
    #: Parameters that validate, for the docs and for a first try.
    example: dict[str, Any]
    #: Whether its parameters may name files by their ids.
    takes_files: bool = False
