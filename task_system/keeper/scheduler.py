"""The scheduler: submits a task for each tick of each schedule, once, however many keepers run."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from task_system.dispatch.scheduled import task_of
from task_system.dispatch.submit import Dispatcher
from task_system.failpoints import failpoint
from task_system.model.events import Events
from task_system.model.schedule import ScheduleSpec
from task_system.model.task import NewTask, Settled
from task_system.store.files import Missing
from task_system.store.schedules import Schedule, Schedules

#: Schedules of one transaction.
BATCH = 50
#: How soon a schedule that was just made or changed is seen, in seconds.
LOOK_EVERY_S = 0.5


class Scheduler:
    """declared: the schedules that stand in code. tell: told of tasks that made room for the next, and are over."""

    name = "scheduler"

    def __init__(
        self,
        schedules: Schedules,
        dispatcher: Dispatcher,
        declared: Sequence[ScheduleSpec],
        tell: Callable[[Sequence[Settled]], None],
        events: Events,
    ) -> None:
        self._schedules = schedules
        self._dispatcher = dispatcher
        self._declared: Sequence[ScheduleSpec] | None = declared
        self._tell = tell
        self._events = events
        self.every_s = LOOK_EVERY_S

    def run_once(self) -> bool:
        if self._declared is not None:
            self._schedules.declare(self._declared)
            self._declared = None
        next_s = self._schedules.next_due_s()
        if next_s is not None and next_s <= 0:
            return self._fire()
        self.every_s = LOOK_EVERY_S if next_s is None else min(LOOK_EVERY_S, next_s)
        return False

    def _fire(self) -> bool:
        fired = self._schedules.fire(self._task_of, BATCH)
        failpoint("keeper.scheduler.fired")
        if fired.submitted:
            self._events.emit("keeper.scheduled", count=fired.submitted)
        if fired.cancelled:
            self._tell(fired.cancelled)
        for name in fired.paused:
            self._events.emit("keeper.schedule_paused", schedule=name)
        self.every_s = 0.01
        return fired.more

    def _task_of(self, schedule: Schedule, tick: datetime, missing: Missing) -> NewTask:
        # Spreading load is no secret.
        jitter_s = random.uniform(0, schedule.spec.jitter_s)  # noqa: S311
        return task_of(self._dispatcher, schedule, tick + timedelta(seconds=jitter_s), missing)
