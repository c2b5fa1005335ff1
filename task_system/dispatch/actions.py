"""What callers may do to a task once it is accepted."""

from collections.abc import Callable, Sequence
from uuid import UUID

from task_system.model.events import Events
from task_system.model.states import State
from task_system.model.task import Settled
from task_system.store.acting import Acting


class Actions:
    """One per process; safe to call from any thread.

    tell: told of tasks that are over, for those who wait for them elsewhere.
    """

    def __init__(self, acting: Acting, tell: Callable[[Sequence[Settled]], None], events: Events) -> None:
        self._acting = acting
        self._tell = tell
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
