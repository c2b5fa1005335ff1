"""Submitting many tasks at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from task_system.dispatch.findings import Errors
from task_system.dispatch.submit import Dispatcher, Submission
from task_system.model.errors import BatchNotFound, InvalidSubmission, Overloaded
from task_system.model.events import Events
from task_system.model.ids import new_id
from task_system.model.routing import Priority
from task_system.model.states import State
from task_system.model.task import Extras, NewTask, Recorded
from task_system.store.batches import CHUNK, Batch, BatchStore
from task_system.store.files import Missing
from task_system.store.submissions import INLINE_GRACE_S

#: Batches that one process works on at the same time.
AT_ONCE = 2
#: The messages of a larger batch are the relay's, which takes high before low.
PUBLISHED_INLINE = 100

#: Why lines were refused: of so many is told.
KEEP_ERRORS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedBatch:
    """What became of each submission, in their order: what was recorded, or why it was not."""

    batch_id: UUID
    answers: list[Recorded | Errors]


@dataclass(slots=True)
class AcceptedLines:
    """What became of many lines."""

    batch_id: UUID
    accepted: int = 0
    refused: int = 0
    #: Of the first lines that were refused: the line's number, from 1, and why.
    errors: list[tuple[int, Errors]] = field(default_factory=list)

    def refuse(self, number: int, errors: Errors) -> None:
        """Note why a line was not accepted."""
        self.refused += 1
        if len(self.errors) < KEEP_ERRORS:
            self.errors.append((number, errors))


class Batches:
    """One per process; safe to call from any thread."""

    def __init__(self, dispatcher: Dispatcher, store: BatchStore, events: Events) -> None:
        self._dispatcher = dispatcher
        self._store = store
        self._events = events
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def submit(
        self, items: Sequence[Submission | Errors], *, each: bool, callback: Submission | None = None
    ) -> AcceptedBatch:
        """Accept all of these, or each that can be; what is invalid already comes as its errors.

        callback: submitted once, when all that were accepted are over.
        Raises InvalidSubmission (with `each` when none can be), Overloaded and StoreUnavailable, with nothing recorded.
        """
        started = time.monotonic()
        batch_id, follows = new_id(), self._checked(callback)
        with self._place():
            plain = Extras(batch_id=batch_id)
            rows = self._rows_of(items, plain)
            new = [row for row in rows if isinstance(row, NewTask)]
            _check(rows, each=each and bool(new))
            inline = len(new) <= PUBLISHED_INLINE
            grace_s = INLINE_GRACE_S if inline else 0.0
            stored = self._store.record(new, batch_id=batch_id, callback=follows, each=each, grace_s=grace_s)
        known: dict[UUID, Recorded | Errors] = {**stored.recorded}
        known.update({id_: _cannot_store(why) for id_, why in stored.refused.items()})
        answers = [known.get(row.id, []) if isinstance(row, NewTask) else row for row in rows]
        _check(answers, each=each and bool(stored.recorded))
        self._events.emit("task.accepted", count=len(stored.recorded), duration_s=time.monotonic() - started)
        if inline:
            due = [row for row in new if row.id in stored.recorded and stored.recorded[row.id].due]
            self._dispatcher.publish([row.dispatch for row in due])
        return AcceptedBatch(batch_id=batch_id, answers=answers)

    def submit_lines(
        self, lines: Callable[[], Iterator[Submission | Errors]], *, each: bool, callback: Submission | None = None
    ) -> AcceptedLines:
        """Accept as many as there are, in the same memory: `lines` gives them anew each time it is called.

        Raises as `submit` does.
        """
        started = time.monotonic()
        batch_id, follows = new_id(), self._checked(callback)
        accepted = AcceptedLines(batch_id)
        with self._place():
            if each:
                self._record_each(lines(), follows, accepted)
            else:
                self._record_all(lines, follows, accepted)
        if not accepted.accepted:
            _refuse_all(accepted)
        self._events.emit("task.accepted", count=accepted.accepted, duration_s=time.monotonic() - started)
        return accepted

    def callback_of(self, batch: Batch, counts: dict[str, int], missing: Missing) -> NewTask:
        """The task that follows a batch, with what became of that in its metadata.

        Raises UnknownTaskType, TaskTypeRefused, InvalidSubmission.
        """
        assert batch.callback is not None
        submission = submission_of(batch.callback)
        extras = submission.extras or Extras()
        became = {"batch_id": str(batch.id), "total": batch.total, "counts": counts}
        metadata = {**(extras.metadata or {}), "batch": became}
        return self._dispatcher.checked(replace(submission, extras=replace(extras, metadata=metadata)), missing)

    def get(self, batch_id: UUID) -> tuple[Batch | None, dict[State, int]]:
        """What is known of a batch, and how many of its tasks are in each state.

        Raises BatchNotFound, StoreUnavailable.
        """
        batch, counts = self._store.get(batch_id), self._store.count(batch_id)
        if batch is None and not counts:
            raise BatchNotFound(batch_id=str(batch_id))
        return batch, counts

    def newest(self, limit: int) -> list[Batch]:
        """The last ones, newest first. Raises StoreUnavailable."""
        return self._store.newest(limit)

    def _checked(self, callback: Submission | None) -> dict[str, Any] | None:
        """What is kept of it. Raises InvalidSubmission when it could not be submitted now."""
        if callback is None:
            return None
        try:
            self._dispatcher.checked(callback)
        except InvalidSubmission as error:
            found = [{**one, "path": f"callback.{one['path']}"} for one in error.errors]
            raise InvalidSubmission(errors=found) from None
        return kept(callback)

    def _record_each(
        self, items: Iterator[Submission | Errors], callback: dict[str, Any] | None, accepted: AcceptedLines
    ) -> None:
        """A transaction for each thousand, so that nobody else waits long."""
        plain, numbered, more = Extras(batch_id=accepted.batch_id), enumerate(items, 1), True
        while more:
            new: dict[UUID, tuple[int, NewTask]] = {}
            chunk = list(islice(numbered, CHUNK))
            rows = self._rows_of([item for _, item in chunk], plain)
            for (number, _), row in zip(chunk, rows, strict=True):
                if isinstance(row, NewTask):
                    new[row.id] = (number, row)
                else:
                    accepted.refuse(number, row)
            more = len(chunk) == CHUNK
            stored = self._store.record(
                [row for _, row in new.values()],
                batch_id=accepted.batch_id,
                callback=callback,
                each=True,
                grace_s=0.0,
                last=not more,
            )
            accepted.accepted += len(stored.recorded)
            for id_, why in stored.refused.items():
                accepted.refuse(new[id_][0], _cannot_store(why))

    def _record_all(
        self,
        lines: Callable[[], Iterator[Submission | Errors]],
        callback: dict[str, Any] | None,
        accepted: AcceptedLines,
    ) -> None:
        plain = Extras(batch_id=accepted.batch_id)
        items, number = lines(), 0
        while chunk := list(islice(items, CHUNK)):
            for row in self._rows_of(chunk, plain):
                number += 1
                if not isinstance(row, NewTask):
                    accepted.refuse(number, row)
        if accepted.refused:
            _refuse_all(accepted)
        numbers: dict[UUID, int] = {}

        def rows() -> Iterator[NewTask]:
            for number, item in enumerate(lines(), 1):
                row = self._row_of(item, plain)
                assert isinstance(row, NewTask)
                numbers[row.id] = number
                yield row

        stored = self._store.record(rows(), batch_id=accepted.batch_id, callback=callback, each=False, grace_s=0.0)
        for id_, why in stored.refused.items():
            accepted.refuse(numbers[id_], _cannot_store(why))
        if accepted.refused:
            _refuse_all(accepted)
        accepted.accepted = len(stored.recorded)

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Overloaded("This process works on other batches. Nothing was recorded; try again.")
        try:
            yield
        finally:
            self._places.release()

    def _rows_of(self, items: Sequence[Submission | Errors], plain: Extras) -> list[NewTask | Errors]:
        rows = [self._row_of(item, plain) for item in items]
        wrong = self._dispatcher.naming_unknown_files([row for row in rows if isinstance(row, NewTask)])
        return [wrong.get(row.id, row) if isinstance(row, NewTask) else row for row in rows] if wrong else rows

    def _row_of(self, item: Submission | Errors, plain: Extras) -> NewTask | Errors:
        if not isinstance(item, Submission):
            return item
        extras = replace(item.extras, batch_id=plain.batch_id) if item.extras else plain
        try:
            return self._dispatcher.row_of(item, extras)
        except InvalidSubmission as error:
            return error.errors


def kept(submission: Submission) -> dict[str, Any]:
    """A submission as JSON, to be submitted later."""
    extras = submission.extras or Extras()
    values = {
        "task_type": submission.task_type,
        "parameters": submission.parameters,
        "priority": submission.priority,
        "delay_s": submission.delay_s,
        "run_at": submission.run_at.isoformat() if submission.run_at else None,
        "timeout_s": submission.timeout_s,
        "tags": list(extras.tags) if extras.tags else None,
        "metadata": extras.metadata,
        "expires_in_s": extras.expires_in_s,
    }
    return {name: value for name, value in values.items() if value is not None}


def submission_of(values: dict[str, Any]) -> Submission:
    """What `kept` kept."""
    run_at, tags = values.get("run_at"), values.get("tags")
    return Submission(
        task_type=values["task_type"],
        parameters=values["parameters"],
        priority=Priority(values["priority"]),
        delay_s=values["delay_s"],
        run_at=datetime.fromisoformat(run_at) if run_at else None,
        timeout_s=values.get("timeout_s"),
        extras=Extras(
            tags=tuple(tags) if tags else None,
            metadata=values.get("metadata"),
            expires_in_s=values.get("expires_in_s"),
        ),
    )


def _refuse_all(accepted: AcceptedLines) -> None:
    found = [
        {**error, "path": f"lines.{number}.{error['path']}"} for number, errors in accepted.errors for error in errors
    ]
    raise InvalidSubmission(errors=found)


def _check(answers: Sequence[NewTask | Recorded | Errors], *, each: bool) -> None:
    """Unless each is for itself, and one of them valid, one that is invalid spoils all."""
    found = [
        {**error, "path": f"tasks.{number}.{error['path']}"}
        for number, answer in enumerate(answers)
        if isinstance(answer, list)
        for error in answer
    ]
    if found and not each:
        raise InvalidSubmission(errors=found)


def _cannot_store(why: str) -> Errors:
    return [{"path": "parameters", "message": f"The database cannot store these parameters: {why}"}]
