"""Celery's task events, for Flower and everything else that reads them. Not a record: the store is."""

from typing import Any

from task_system.model.outcome import AttemptEnd
from task_system.model.states import State
from task_system.worker.run import Run

#: Results and errors are shown up to this length.
LONGEST = 200


class TaskEvents:
    """Sends events through the consumer's dispatcher, which buffers them. Only for the consumer's own thread."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def received(self, run: Run) -> None:
        """A message came."""
        self._send("task-received", run, name=run.task_type, args="()", kwargs="{}", retries=0, eta=None, expires=None)

    def started(self, run: Run) -> None:
        """A claim was made."""
        self._send("task-started", run)

    def ended(self, run: Run, end: AttemptEnd, state: State, seconds: float) -> None:
        """An end was recorded."""
        match state:
            case State.SUCCESS:
                self._send("task-succeeded", run, result=(end.result or "")[:LONGEST], runtime=seconds)
            case State.RETRY:
                self._send("task-retried", run, exception=_brief(end), traceback=end.error_traceback)
            case State.FAILURE:
                self._send("task-failed", run, exception=_brief(end), traceback=end.error_traceback)
            case State.CANCELLED:
                self._send("task-revoked", run, terminated=True, signum=None, expired=False)
            case _:
                # A snooze or a hand-back: Celery has no word for it but that it will come again.
                self._send("task-retried", run, exception=_brief(end), traceback=None)

    def _send(self, kind: str, run: Run, **fields: Any) -> None:
        dispatcher = self._consumer.event_dispatcher
        if dispatcher and dispatcher.enabled:
            dispatcher.send(kind, uuid=run.id, **fields)


def _brief(end: AttemptEnd) -> str:
    return f"{end.error_type}({(end.error_message or '')[:LONGEST]!r})"
