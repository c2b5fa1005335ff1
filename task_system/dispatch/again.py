"""The task that runs one again that is over."""

from dataclasses import replace
from typing import Any

from task_system.dispatch.submit import Dispatcher, Submission
from task_system.model.routing import Priority
from task_system.model.task import Extras, NewTask, Task


def again(dispatcher: Dispatcher, task: Task, parameters: dict[str, Any] | None = None) -> NewTask:
    """With the same parameters, or these. Raises UnknownTaskType, TaskTypeRefused, InvalidSubmission."""
    row = dispatcher.row_of(
        Submission(
            task_type=task.task_type,
            parameters=task.parameters if parameters is None else parameters,
            priority=Priority(task.priority),
            extras=Extras(
                tags=tuple(task.tags) if task.tags else None, metadata=task.metadata or None, retry_of=task.id
            ),
        )
    )
    return replace(row, timeout_s=min(row.timeout_s, task.timeout_s))
