"""What a user writes: a function and a parameters model, registered under a name. See `docs/` for the life around it.

A task type is a description: this package knows neither SQL, nor RabbitMQ, nor HTTP.
"""

from task_system.registry.context import Context
from task_system.registry.files import CreatedFile, FileId, FileInfo
from task_system.registry.outcomes import Cancelled, Fail, Retry, Snooze
from task_system.registry.registry import Registry, default_registry, task_type
from task_system.registry.retry_policy import RetryPolicy
from task_system.registry.schedules import schedule
from task_system.registry.task_type import TaskType

__all__ = [
    "Cancelled",
    "Context",
    "CreatedFile",
    "Fail",
    "FileId",
    "FileInfo",
    "Registry",
    "Retry",
    "RetryPolicy",
    "Snooze",
    "TaskType",
    "default_registry",
    "schedule",
    "task_type",
]
