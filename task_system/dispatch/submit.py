"""Submitting a task: validate against its type, record, publish."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from task_system.dispatch.admission import Admission
from task_system.dispatch.committer import Committer
from task_system.dispatch.file_check import FileCheck
from task_system.dispatch.findings import Errors, errors_of
from task_system.dispatch.publisher import Publisher
from task_system.model.errors import InvalidSubmission, TaskTypeBroken
from task_system.model.ids import new_id
from task_system.model.routing import Priority, queue_name
from task_system.model.task import Dispatch, Extras, NewTask, Recorded
from task_system.model.text import NUL_IN_JSON
from task_system.registry import Registry, TaskType
from task_system.store.files import Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a caller asks for, checked as far as its outside goes."""

    task_type: str
    parameters: Any
    priority: Priority = Priority.NORMAL
    delay_s: float = 0.0
    run_at: datetime | None = None
    #: Less than the type allows; None is as much.
    timeout_s: float | None = None
    extras: Extras | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A submission that is on disk."""

    task_id: UUID
    task_type: str
    priority: Priority
    queue: str
    created_at: datetime
    run_at: datetime
    due: bool


class Dispatcher:
    """The way in. One per process; safe to call from any thread."""

    def __init__(
        self,
        registry: Registry,
        committer: Committer,
        publisher: Publisher,
        admission: Admission,
        files: FileCheck,
    ) -> None:
        self._registry = registry
        self._files = files
        self._committer = committer
        self._publisher = publisher
        self._admission = admission

    def submit(self, submission: Submission) -> Accepted:
        """Accept a task: on return its row is committed, so that it will end in a terminal state.

        Raises UnknownTaskType, TaskTypeRefused, InvalidSubmission, Overloaded, StoreUnavailable; then nothing was
        recorded.
        """
        row = self.checked(submission)
        return _accepted(row, self._committer.commit(row))

    def checked(self, submission: Submission, missing: Missing | None = None) -> NewTask:
        """The row that it becomes, when the files are there that it names.

        missing: looks for them; for who is in a transaction. Raises as `row_of`, and StoreUnavailable.
        """
        row = self.row_of(submission)
        self._check_files(self._registry.get(row.task_type), row.parameters, missing)
        return row

    def row_of(self, submission: Submission, extras: Extras | None = None) -> NewTask:
        """A submission as the row that it becomes, with these extras or else its own.

        Raises UnknownTaskType, TaskTypeRefused, InvalidSubmission.
        """
        task_type = self._registry.get(submission.task_type)
        self._admission.check(task_type.name)
        parameters = validated(task_type, submission.parameters)
        return NewTask(
            id=new_id(),
            task_type=task_type.name,
            queue=queue_name(task_type.lane, submission.priority),
            priority=submission.priority,
            parameters=parameters,
            max_attempts=task_type.retry.max_attempts,
            timeout_s=task_type.timeout_s if submission.timeout_s is None else _within(task_type, submission.timeout_s),
            delay_s=submission.delay_s,
            run_at=submission.run_at,
            extras=extras or submission.extras,
        )

    def check_files(self, row: NewTask) -> None:
        """Raises InvalidSubmission where the row names files that are not there; StoreUnavailable."""
        self._check_files(self._registry.get(row.task_type), row.parameters)

    def check_files_of(self, task_type: str, parameters: Any) -> None:
        """Raises InvalidSubmission where parameters of that type are invalid, or name files that are not there.

        Raises UnknownTaskType, StoreUnavailable.
        """
        type_ = self._registry.get(task_type)
        self._check_files(type_, validated(type_, parameters))

    def naming_unknown_files(self, rows: Sequence[NewTask], missing: Missing | None = None) -> dict[UUID, Errors]:
        """Which of these name files that are not there, and where; one look for all, as `checked` does.

        Raises StoreUnavailable.
        """
        wrong = self._files.wrong([(self._registry.get(row.task_type), row.parameters) for row in rows], missing)
        return {rows[number].id: errors for number, errors in wrong.items()}

    def _check_files(self, task_type: TaskType, parameters: bytes, missing: Missing | None = None) -> None:
        if task_type.takes_files and (wrong := self._files.wrong([(task_type, parameters)], missing)):
            raise InvalidSubmission(errors=wrong[0])

    def accepted(self, row: NewTask, recorded: Recorded) -> Accepted:
        """What is said of a row that is on disk; its message is published soon, if it is due."""
        if recorded.due:
            self.publish([row.dispatch])
        return _accepted(row, recorded)

    def publish(self, dispatches: Sequence[Dispatch]) -> None:
        """Publish soon what may be; the others' rows stay with the relay."""
        self._publisher.publish(self._admission.admit(dispatches))

    def stop(self) -> None:
        """Commit and publish what has been accepted, then end the threads."""
        self._admission.stop()
        self._committer.stop()
        self._publisher.stop()


def _accepted(row: NewTask, recorded: Recorded) -> Accepted:
    return Accepted(
        task_id=row.id,
        task_type=row.task_type,
        priority=row.priority,
        queue=row.queue,
        created_at=recorded.created_at,
        run_at=recorded.run_at,
        due=recorded.due,
    )


def validated(task_type: TaskType, parameters: Any) -> bytes:
    """These parameters as JSON, if the type's model takes them. Raises InvalidSubmission with a path for each error.

    Raises TaskTypeBroken where the model's own checks raise what no check should: others' tasks wait beside this one.
    """
    try:
        encoded = orjson.dumps(parameters)
        # As the worker will read them: what is accepted here must not be refused there.
        task_type.parameters.model_validate_json(encoded)
    except orjson.JSONEncodeError as error:
        raise _unusable(f"They cannot be stored: {error}.") from None
    except ValidationError as error:
        errors = errors_of(error, parameters, "parameters", model=task_type.parameters)
        raise InvalidSubmission(errors=errors) from None
    except Exception as error:
        broke = f"The checks of {task_type.name!r} broke: {type(error).__name__}: {error}"
        raise TaskTypeBroken(broke) from error
    if NUL_IN_JSON.search(encoded):
        raise _unusable("Text must not contain the character U+0000.")
    return encoded


def _within(task_type: TaskType, timeout_s: float) -> float:
    if timeout_s > task_type.timeout_s:
        message = f"{task_type.name} allows at most {task_type.timeout_s:g} seconds."
        raise InvalidSubmission(errors=[{"path": "timeout", "message": message}])
    return timeout_s


def _unusable(message: str) -> InvalidSubmission:
    return InvalidSubmission(errors=[{"path": "parameters", "message": message}])
