"""Every error that the product raises by name. The docstring is the message; the facts are attributes.

`code` is what programs switch on; the API maps each class to one problem document in `api/errors.py`.
"""

import inspect
from typing import Any


class TaskSystemError(Exception):
    """Something in the task system went wrong."""

    code = "error"

    def __init__(self, detail: str | None = None, **facts: Any) -> None:
        """`detail` replaces the docstring as the message; `facts` become attributes."""
        self.detail = detail or inspect.cleandoc(type(self).__doc__ or "")
        self.facts = facts
        vars(self).update(facts)
        super().__init__(self.detail)

    @property
    def reason(self) -> str:
        """In one line, for whoever reads of it later: what is wrong where, or else the message."""
        findings = self.facts.get("errors") or []
        return "; ".join(f"{finding['path']}: {finding['message']}" for finding in findings) or self.detail

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in self.facts.items())
        return f"{self.detail} ({facts})" if facts else self.detail


class DeclarationError(TaskSystemError):
    """A task type is declared wrongly. Mend the declaration that this error names; nothing was registered."""

    code = "declaration"


class ConfigurationError(TaskSystemError):
    """A setting has a value that cannot work."""

    code = "configuration"


class InvalidSubmission(TaskSystemError):
    """What was sent does not fit. `errors` says where and why; nothing was recorded."""

    code = "invalid_submission"
    errors: list[dict[str, str]]


class UnknownTaskType(InvalidSubmission):
    """No task type of that name is registered. GET /api/task-types lists those there are."""

    code = "unknown_task_type"


class IdempotencyKeyReused(InvalidSubmission):
    """This Idempotency-Key came before with another body. A key belongs to one submission; nothing was recorded."""

    code = "idempotency_key_reused"


class OtherSite(TaskSystemError):
    """A page of another site sent this, so it was not looked at. CORS_ORIGINS names those whose pages may."""

    code = "other_site"


class OtherHost(TaskSystemError):
    """This service does not go by the name that was asked for. ALLOWED_HOSTS says which names it goes by."""

    code = "other_host"


class TaskNotFound(TaskSystemError):
    """There is no task with that id. It may have been removed when its retention time was over."""

    code = "task_not_found"


class Conflict(TaskSystemError):
    """The task is in a state in which that cannot be done; nothing was changed. `state` says in which."""

    code = "conflict"


class TaskFinished(Conflict):
    """The task is over, and nothing about it changes any more. POST /api/tasks/<task_id>/retry runs it again."""

    code = "task_finished"


class TaskNotFinished(Conflict):
    """The task is not over yet, so there is nothing to retry. DELETE /api/tasks/<task_id> cancels it."""

    code = "task_not_finished"


class TaskNotWaiting(Conflict):
    """Only a task that waits can be changed, and this one does not."""

    code = "task_not_waiting"


class BatchNotFound(TaskSystemError):
    """There is no task of that batch. They may have been removed when their retention time was over."""

    code = "batch_not_found"


class BulkNotFound(TaskSystemError):
    """There is no bulk of that id. GET /api/bulk lists those there are."""

    code = "bulk_not_found"


class BulkFinished(TaskSystemError):
    """It is over, so there is nothing to abort."""

    code = "bulk_finished"


class FailureNotFound(TaskSystemError):
    """No task has that failure. GET /api/failures lists those there are."""

    code = "failure_not_found"


class TaskTypeRefused(TaskSystemError):
    """New tasks of this type are not accepted now. Nothing was recorded."""

    code = "task_type_refused"


class TaskTypeBroken(TaskSystemError):
    """The checks of this task type's parameters broke. Mend its model; nothing was recorded."""

    code = "task_type_broken"


class TaskTypeNotFound(TaskSystemError):
    """There is no task type of that name. GET /api/task-types lists those there are."""

    code = "task_type_not_found"


class QueueNotFound(TaskSystemError):
    """There is no queue of that name. Queues are named like default.high: a lane, and a priority."""

    code = "queue_not_found"


class ScheduleNotFound(TaskSystemError):
    """There is no schedule with that id. GET /api/schedules lists those there are."""

    code = "schedule_not_found"


class ScheduleIsDeclared(TaskSystemError):
    """This schedule is declared in code, beside its task type: change it there. It can be paused here."""

    code = "schedule_is_declared"


class NameTaken(TaskSystemError):
    """That name is taken."""

    code = "name_taken"


class FileNotFound(TaskSystemError):
    """There is no file with that id. It may have been deleted, or removed when its time was over."""

    code = "file_not_found"


class FileTooLarge(TaskSystemError):
    """The file is larger than this service accepts. Nothing was kept."""

    code = "file_too_large"


class FilesUnavailable(TaskSystemError):
    """The file store cannot be reached just now. Nothing was kept; try again."""

    code = "files_unavailable"


class FilesFull(FilesUnavailable):
    """The file store has no room left. Nothing was kept; try again when somebody has made room, or delete files."""

    code = "files_full"


class CursorTooOld(TaskSystemError):
    """What came behind that cursor is no longer kept, or it is no cursor of this event log. Begin anew, without one."""

    code = "cursor_too_old"


class StoreUnavailable(TaskSystemError):
    """The database cannot be reached just now. Nothing was recorded; try again."""

    code = "store_unavailable"


class Overloaded(TaskSystemError):
    """More submissions are waiting to be recorded than this process takes on. Nothing was recorded; try again."""

    code = "overloaded"


class TooManyStreams(TaskSystemError):
    """This process has as many open streams as it has room for beside requests. Poll instead, or come again later."""

    code = "too_many_streams"


class BrokerUnavailable(TaskSystemError):
    """RabbitMQ cannot be reached just now. Recorded tasks are kept, and dispatched when it is back."""

    code = "broker_unavailable"


class ResultsUnavailable(TaskSystemError):
    """Redis cannot be reached just now. Results are read from the database instead."""

    code = "results_unavailable"


class NotReady(TaskSystemError):
    """Something that the service needs is not there."""

    code = "not_ready"
