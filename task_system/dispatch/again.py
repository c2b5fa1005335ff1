"""The task that runs one again that is over."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from task_system.dispatch.submit import Dispatcher, Submission
from task_system.model.errors import InvalidSubmission, TaskSystemError
from task_system.model.routing import Priority
from task_system.model.task import Extras, NewTask, Task
from task_system.store.files import Missing


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


def all_again(dispatcher: Dispatcher, tasks: Sequence[Task], missing: Missing) -> dict[UUID, NewTask | TaskSystemError]:
    """The tasks that run these again, by their ids, or why one cannot be submitted. One look for all their files."""
    made: dict[UUID, NewTask | TaskSystemError] = {}
    for task in tasks:
        try:
            made[task.id] = again(dispatcher, task)
        except TaskSystemError as error:
            made[task.id] = error
    rows = {id_: row for id_, row in made.items() if isinstance(row, NewTask)}
    wrong = dispatcher.naming_unknown_files(list(rows.values()), missing)
    return made | {id_: InvalidSubmission(errors=wrong[row.id]) for id_, row in rows.items() if row.id in wrong}
