"""The public surface: all that a module of task types needs."""

from task_system.registry import Cancelled, Context, Fail, Retry, RetryPolicy, Snooze, schedule, task_type

__all__ = ["Cancelled", "Context", "Fail", "Retry", "RetryPolicy", "Snooze", "schedule", "task_type"]
