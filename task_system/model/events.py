"""What the core tells the world. The core emits; telemetry (and later webhooks) subscribe, connected in `wiring`.

An event is a name and facts. A subscriber that raises is logged and never disturbs the emitter.
"""

import logging
from collections.abc import Callable
from typing import Any

#: name: when it is emitted. This list is an interface: add, do not rename.
EVENTS = {
    "task.accepted": "a submission was committed (`count` of one commit, `duration_s`)",
    "task.dispatched": "RabbitMQ confirmed messages (`count`)",
    "task.dispatch_failed": "a publisher's connection broke; the relay owns its `count` rows",
    "task.started": "a worker claimed a task (`task_id`, `task_type`, `attempt`, `queue`)",
    "task.finished": (
        "an attempt's outcome was recorded (`task_id`, `task_type`, `attempt`, `outcome`, `state`, `duration_s`)"
    ),
    "task.cancel": "a caller cancelled a task (`task_id`, `state`: CANCELLED, or STARTED while it is being stopped)",
    "task.stale_delivery": "a message arrived whose task is finished, cancelled, running elsewhere or dispatched anew",
    "task.zombie": "an attempt ended after its lease was lost; its outcome was refused (`task_id`, `attempt`)",
    "worker.child_lost": "a pool process died under an attempt (`task_id`, `attempt`)",
    "keeper.relayed": "the relay handed rows to the publisher (`count`)",
    "keeper.rescued": "the rescuer ended leases that had run out (`count`)",
    "keeper.reconciled": "the reconciler dispatched anew what the broker had lost (`queue`, `count`)",
    "keeper.expired": "the expirer ended tasks whose time was over before they started (`count`)",
    "keeper.pruned": "the pruner removed finished tasks past their retention (`count`)",
    "keeper.swept": "the sweeper removed files past their time, or that are nobody's (`count`)",
    "keeper.dead_letter": "a message that the broker gave up on was settled (`count`)",
    "keeper.scheduled": "the scheduler submitted the tasks of ticks (`count`)",
    "keeper.schedule_paused": "a schedule was paused because its last tasks failed (`schedule`)",
    "keeper.released": "the releaser gave the relay rows whose queue or type nothing keeps any more (`count`)",
    "keeper.batches_closed": "batches were over, and what follows them was submitted (`count`)",
    "keeper.bulk": "the bulk runner acted on tasks (`bulk_id`, `action`, `count`)",
    "keeper.role_failed": "a keeper's role raised; it is tried again (`role`, `error`)",
    "results.unavailable": "Redis did not take results (`count`); the database has them",
    "results.available": "Redis takes results again",
}

Subscriber = Callable[[str, dict[str, Any]], None]
_log = logging.getLogger(__name__)


class Events:
    """Carries events from those who emit to those who subscribed. Thread-safe: subscribers are fixed at start."""

    def __init__(self, *subscribers: Subscriber) -> None:
        self._subscribers = subscribers

    def emit(self, name: str, **facts: Any) -> None:
        """Tell every subscriber. `name` is one of EVENTS."""
        if name not in EVENTS:
            raise ValueError(f"unknown event {name!r}")
        for subscriber in self._subscribers:
            try:
                subscriber(name, facts)
            except Exception:  # noqa: BLE001 - who listens must not stop who works
                _log.exception("a subscriber of %s failed", name)
