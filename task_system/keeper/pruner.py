"""The pruner: removes finished tasks past their retention, keys, events and old ticks, makes partitions ahead, and
forgets processes long gone.
"""

import time

from task_system.keeper.leader import Leadership
from task_system.model.events import Events
from task_system.store.event_log import EventLog
from task_system.store.idempotency import Idempotency
from task_system.store.schedules import Schedules
from task_system.store.upkeep import Upkeep
from task_system.store.workers import Workers

#: Tasks of one transaction.
BATCH = 1000
FORGET_WORKERS_AFTER_S = 86_400.0


class Pruner:
    """retention_s: how long a finished task is kept, in seconds."""

    name = "pruner"
    every_s = 60.0

    def __init__(
        self,
        *,
        upkeep: Upkeep,
        idempotency: Idempotency,
        event_log: EventLog,
        schedules: Schedules,
        workers: Workers,
        leadership: Leadership,
        events: Events,
        retention_s: float,
    ) -> None:
        self._upkeep = upkeep
        self._idempotency = idempotency
        self._event_log = event_log
        self._schedules = schedules
        self._workers = workers
        self._leadership = leadership
        self._events = events
        self._retention_s = retention_s
        self._ticks_at = 0.0

    def run_once(self) -> bool:
        if not self._leadership.held():
            return False
        self._workers.forget(FORGET_WORKERS_AFTER_S)
        keys = self._idempotency.prune(BATCH)
        told = self._event_log.prune(BATCH)
        if time.monotonic() >= self._ticks_at:
            self._ticks_at = time.monotonic() + self.every_s
            self._schedules.forget_old_ticks()
        pruned = self._upkeep.prune(self._retention_s, BATCH)
        if pruned:
            self._events.emit("keeper.pruned", count=pruned)
        return BATCH in {pruned, keys, told}
