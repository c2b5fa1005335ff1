"""The task that a schedule submits."""

from datetime import datetime

from task_system.dispatch.submit import Dispatcher, Submission
from task_system.model.task import Extras, NewTask
from task_system.store.files import Missing
from task_system.store.schedules import Schedule


def task_of(dispatcher: Dispatcher, schedule: Schedule, run_at: datetime, missing: Missing) -> NewTask:
    """Its task, not to be started before `run_at`. Raises UnknownTaskType, TaskTypeRefused, InvalidSubmission."""
    spec = schedule.spec
    return dispatcher.checked(
        Submission(
            task_type=spec.task_type,
            parameters=spec.parameters,
            priority=spec.priority,
            run_at=run_at,
            extras=Extras(schedule_id=schedule.id),
        ),
        missing=missing,
    )
