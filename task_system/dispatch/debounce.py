"""Submitting what may come again soon: the latest wins."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from task_system.dispatch.once import key_of_fields
from task_system.dispatch.submit import Accepted, Dispatcher, Submission
from task_system.model.events import Events
from task_system.store.debouncing import Debounce, Debouncing

#: Put off no longer than this many times the wait, unless the caller says how long.
TIMES_PUT_OFF = 10


@dataclass(frozen=True, slots=True)
class Latest:
    """The task that a submission became, and whether it replaced what that was before."""

    accepted: Accepted
    replaced: bool


class SubmitLatest:
    """One per process; safe to call from any thread."""

    def __init__(self, dispatcher: Dispatcher, debouncing: Debouncing, events: Events) -> None:
        self._dispatcher = dispatcher
        self._debouncing = debouncing
        self._events = events

    def submit(self, submission: Submission, debounce: Debounce) -> Latest:
        """Accept a task, or make the one that waits under this key what this submission says.

        Raises what `Dispatcher.submit` raises.
        """
        started = time.monotonic()
        row = self._dispatcher.checked(replace(submission, delay_s=debounce.wait_s))
        became = self._debouncing.record(row, debounce)
        if became.dispatch:
            self._dispatcher.publish([became.dispatch])
        if not became.replaced:
            self._events.emit("task.accepted", count=1, duration_s=time.monotonic() - started)
        accepted = Accepted(
            task_id=became.task_id,
            task_type=row.task_type,
            priority=row.priority,
            queue=row.queue,
            created_at=became.created_at,
            run_at=became.run_at,
            due=became.dispatch is not None,
        )
        return Latest(accepted, became.replaced)


def debounced(submission: dict[str, Any], fields: Sequence[str], wait_s: float, max_s: float | None) -> Debounce:
    """Among those of the same type with the same values of these fields. Raises InvalidSubmission for no field."""
    key = key_of_fields(submission, ["task_type", *fields], "debounce_by")
    return Debounce(key=f"debounce:{key}", wait_s=wait_s, max_s=TIMES_PUT_OFF * wait_s if max_s is None else max_s)
