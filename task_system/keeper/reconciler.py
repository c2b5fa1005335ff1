"""The reconciler: notices that the broker lost messages, and dispatches their tasks anew.

A waiting row whose message was confirmed is held by the broker's queue, or by a worker that says so soon after it got
it and at each heartbeat. When a queue is empty, or has fewer messages than such rows by more than workers could just
have taken, some are gone (a purge, a wiped disk, a dropped message). Which ones cannot be known, so all are dispatched
anew; the copies that are still there become stale and do nothing.
"""

from collections.abc import Callable

from task_system.keeper.leader import Leadership
from task_system.model.events import Events
from task_system.model.routing import lane_of
from task_system.store.upkeep import Upkeep
from task_system.store.workers import Workers

#: Rows of one statement.
BATCH = 1000


class Reconciler:
    """depth: messages in a queue, asked from the broker; 0 for a missing one. Raises BrokerUnavailable.

    unheld_s: longer than two heartbeats of a worker, in seconds.
    """

    name = "reconciler"
    every_s = 5.0

    def __init__(
        self,
        upkeep: Upkeep,
        workers: Workers,
        leadership: Leadership,
        depth: Callable[[str], int],
        events: Events,
        *,
        unheld_s: float,
    ) -> None:
        self._upkeep = upkeep
        self._workers = workers
        self._leadership = leadership
        self._depth = depth
        self._events = events
        self._unheld_s = unheld_s

    def run_once(self) -> bool:
        if self._leadership.held():
            for queue in self._upkeep.published_queues(self._unheld_s):
                self._reconcile(queue)
        return False

    def _reconcile(self, queue: str) -> None:
        # In this order: what is claimed between the two looks makes the rows fewer, not the messages.
        messages = self._depth(queue)
        expected = messages + self._just_taken(queue) if messages else 0
        if self._upkeep.count_published(queue, self._unheld_s, expected + 1) <= expected:
            return
        count = moved = self._upkeep.dispatch_anew(queue, self._unheld_s, BATCH)
        while moved == BATCH:
            moved = self._upkeep.dispatch_anew(queue, self._unheld_s, BATCH)
            count += moved
        self._events.emit("keeper.reconciled", queue=queue, count=count)

    def _just_taken(self, queue: str) -> int:
        """How many messages live workers may hold without having said so yet."""
        alive = self._workers.alive(self._unheld_s)
        return sum(seen.prefetch or 0 for seen in alive if lane_of(queue) in seen.lanes)
