"""The public surface: all that a module of task types needs."""

from task_system.registry import (
    Cancelled,
    Context,
    CreatedFile,
    Fail,
    FileId,
    FileInfo,
    Retry,
    RetryPolicy,
    Snooze,
    schedule,
    task_type,
)

__all__ = [
    "Cancelled",
    "Context",
    "CreatedFile",
    "Fail",
    "FileId",
    "FileInfo",
    "Retry",
    "RetryPolicy",
    "Snooze",
    "schedule",
    "task_type",
]
