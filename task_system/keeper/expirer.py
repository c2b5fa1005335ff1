"""The expirer: ends tasks that were not started before their `expires_at`. No worker would start them any more."""

from collections.abc import Callable, Sequence

from task_system.model.events import Events
from task_system.model.task import Settled
from task_system.store.expiry import Expiry

BATCH = 500


class Expirer:
    """tell: told of tasks that are over, for those who wait for them elsewhere."""

    name = "expirer"
    every_s = 1.0

    def __init__(self, expiry: Expiry, tell: Callable[[Sequence[Settled]], None], events: Events) -> None:
        self._expiry = expiry
        self._tell = tell
        self._events = events

    def run_once(self) -> bool:
        expired = self._expiry.expire(BATCH)
        if expired:
            self._tell(expired)
            self._events.emit("keeper.expired", count=len(expired))
        return len(expired) == BATCH
