"""The releaser: what was parked while a queue was paused, or a task type held, goes on when nothing keeps it."""

from task_system.model.events import Events
from task_system.store.controls import BATCH, Controls


class Releaser:
    """See the module."""

    name = "releaser"
    every_s = 0.5

    def __init__(self, controls: Controls, events: Events) -> None:
        self._controls = controls
        self._events = events

    def run_once(self) -> bool:
        count = self._controls.let_go(BATCH)
        if count:
            self._events.emit("keeper.released", count=count)
        return count == BATCH
