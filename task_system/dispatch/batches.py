"""Submitting many tasks at once."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from task_system.dispatch.submit import Dispatcher, Submission
from task_system.model.errors import BatchNotFound, InvalidSubmission, Overloaded
from task_system.model.events import Events
from task_system.model.ids import new_id
from task_system.model.states import State
from task_system.model.task import Dispatch, Extras, NewTask, Recorded
from task_system.store.batches import BatchStore
from task_system.store.submissions import INLINE_GRACE_S

#: Batches that one process works on at the same time.
AT_ONCE = 2
#: The messages of a larger batch are the relay's, which takes high before low.
PUBLISHED_INLINE = 100

Errors = list[dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedBatch:
    """What became of each submission, in their order: what was recorded, or why it was not."""

    batch_id: UUID
    answers: list[Recorded | Errors]


class Batches:
    """One per process; safe to call from any thread."""

    def __init__(self, dispatcher: Dispatcher, store: BatchStore, events: Events) -> None:
        self._dispatcher = dispatcher
        self._store = store
        self._events = events
        self._places = threading.BoundedSemaphore(AT_ONCE)

    def submit(self, items: Sequence[Submission | Errors], *, each: bool) -> AcceptedBatch:
        """Accept all of these, or each that can be; what is invalid already comes as its errors.

        Raises InvalidSubmission (unless `each`), Overloaded, StoreUnavailable; then nothing was recorded.
        """
        started = time.monotonic()
        batch_id = new_id()
        with self._place():
            plain = Extras(batch_id=batch_id)
            rows = [self._row_of(item, plain) for item in items]
            _check(rows, each=each)
            new = [row for row in rows if isinstance(row, NewTask)]
            inline = len(new) <= PUBLISHED_INLINE
            stored = self._store.record(new, each=each, grace_s=INLINE_GRACE_S if inline else 0.0)
        known: dict[UUID, Recorded | Errors] = {**stored.recorded}
        known.update({id_: _cannot_store(why) for id_, why in stored.refused.items()})
        answers = [known.get(row.id, []) if isinstance(row, NewTask) else row for row in rows]
        _check(answers, each=each)
        if stored.recorded:
            self._events.emit("task.accepted", count=len(stored.recorded), duration_s=time.monotonic() - started)
        if inline:
            due = [row for row in new if row.id in stored.recorded and stored.recorded[row.id].due]
            self._dispatcher.publish([Dispatch(row.id, 1, row.queue, row.task_type) for row in due])
        return AcceptedBatch(batch_id=batch_id, answers=answers)

    def count(self, batch_id: UUID) -> dict[State, int]:
        """How many of a batch's tasks are in each state. Raises BatchNotFound, StoreUnavailable."""
        counts = self._store.count(batch_id)
        if not counts:
            raise BatchNotFound(batch_id=str(batch_id))
        return counts

    @contextmanager
    def _place(self) -> Iterator[None]:
        if not self._places.acquire(blocking=False):
            raise Overloaded("This process works on other batches. Nothing was recorded; try again.")
        try:
            yield
        finally:
            self._places.release()

    def _row_of(self, item: Submission | Errors, plain: Extras) -> NewTask | Errors:
        if not isinstance(item, Submission):
            return item
        extras = replace(item.extras, batch_id=plain.batch_id) if item.extras else plain
        try:
            return self._dispatcher.row_of(item, extras)
        except InvalidSubmission as error:
            return error.errors


def _check(answers: Sequence[NewTask | Recorded | Errors], *, each: bool) -> None:
    """Unless each is for itself, one that is invalid spoils all."""
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
