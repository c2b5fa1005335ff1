"""The rescuer: a worker that was not heard of for the time of a lease has lost its tasks; they run again."""

from collections.abc import Callable, Sequence

from task_system.failpoints import failpoint
from task_system.keeper.standstill import Standstill
from task_system.model.events import Events
from task_system.model.outcome import LOST_DELAY_S, POISON_AFTER
from task_system.model.task import Settled
from task_system.store.upkeep import Upkeep

BATCH = 500


class Rescuer:
    """tell: told of tasks that are over, for those who wait for them elsewhere."""

    name = "rescuer"
    every_s = 5.0

    def __init__(
        self, upkeep: Upkeep, standstill: Standstill, tell: Callable[[Sequence[Settled]], None], events: Events
    ) -> None:
        self._upkeep = upkeep
        self._standstill = standstill
        self._tell = tell
        self._events = events

    def run_once(self) -> bool:
        if self._standstill.just_now():
            return False
        rescued = self._upkeep.rescue(BATCH, poison_after=POISON_AFTER, delay_s=LOST_DELAY_S)
        if rescued:
            failpoint("keeper.rescuer.rescued")
        if over := [one.settled for one in rescued if one.settled]:
            self._tell(over)
        if rescued:
            self._events.emit("keeper.rescued", count=len(rescued))
        return len(rescued) == BATCH
