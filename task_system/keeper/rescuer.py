"""The rescuer: a worker that was not heard of for the time of a lease has lost its tasks; they run again."""

from task_system.model.events import Events
from task_system.model.outcome import LOST_DELAY_S, POISON_AFTER
from task_system.store.upkeep import Upkeep

BATCH = 500


class Rescuer:
    """See the module."""

    name = "rescuer"
    every_s = 5.0

    def __init__(self, upkeep: Upkeep, events: Events) -> None:
        self._upkeep = upkeep
        self._events = events

    def run_once(self) -> bool:
        rescued = self._upkeep.rescue(BATCH, poison_after=POISON_AFTER, delay_s=LOST_DELAY_S)
        if rescued:
            self._events.emit("keeper.rescued", count=len(rescued))
        return len(rescued) == BATCH
