"""What callers may do to a task once it is accepted."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from task_system.dispatch.again import again
from task_system.dispatch.submit import Accepted, Dispatcher
from task_system.model.events import Events
from task_system.model.states import State
from task_system.model.task import Settled, Task
from task_system.store.acting import Acting, Change
from task_system.store.reading import Reading


class Actions:
    """One per process; safe to call from any thread.

    tell: told of tasks that are over, for those who wait for them elsewhere. forget: drops copies of finished tasks.
    """

    def __init__(
        self,
        *,
        acting: Acting,
        reading: Reading,
        dispatcher: Dispatcher,
        tell: Callable[[Sequence[Settled]], None],
        forget: Callable[[Sequence[UUID]], None],
        events: Events,
    ) -> None:
        self._acting = acting
        self._reading = reading
        self._dispatcher = dispatcher
        self._tell = tell
        self._forget = forget
        self._events = events

    def cancel(self, task_id: UUID, reason: str | None) -> State:
        """CANCELLED: it never starts. STARTED: its worker hears of it within about a second, and stops it.

        Raises TaskNotFound, TaskFinished, StoreUnavailable.
        """
        cancelled = self._acting.cancel(task_id, reason)
        if cancelled.finished_at and not cancelled.before:
            self._tell(
                [
                    Settled(
                        task_id=task_id,
                        task_type=cancelled.task_type,
                        state=cancelled.state,
                        finished_at=cancelled.finished_at,
                    )
                ]
            )
        self._events.emit("task.cancel", task_id=str(task_id), state=cancelled.state)
        return cancelled.state

    def retry(self, task_id: UUID, parameters: dict[str, Any] | None) -> Accepted:
        """Run a task that is over again, as a new one: with the same parameters, or these.

        Raises TaskNotFound, TaskNotFinished, UnknownTaskType, InvalidSubmission, StoreUnavailable.
        """
        row = again(self._dispatcher, self._reading.task(task_id), parameters)
        self._dispatcher.check_files(row)
        recorded = self._acting.retry(task_id, row)
        self._forget([task_id])
        self._events.emit("task.accepted", count=1, duration_s=0.0)
        return self._dispatcher.accepted(row, recorded)

    def change(self, task_id: UUID, change: Change) -> Task:
        """Change a task that waits; answers what it is now. Raises TaskNotFound, TaskNotWaiting, StoreUnavailable."""
        if dispatch := self._acting.change(task_id, change):
            self._dispatcher.publish([dispatch])
        return self._reading.task(task_id)
