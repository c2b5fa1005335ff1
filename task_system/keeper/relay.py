"""The relay: publishes what is due, and what was published before but never confirmed."""

from task_system.dispatch.admission import Admission
from task_system.dispatch.publisher import Publisher
from task_system.failpoints import failpoint
from task_system.model.events import Events
from task_system.store.controls import Controls
from task_system.store.upkeep import Upkeep

#: Rows of one look.
BATCH = 1000
#: While more than this waits for the connection, the rows are better off where they are.
ENOUGH_WAITING = 4000


class Relay:
    """See the module."""

    name = "relay"
    every_s = 0.25

    def __init__(
        self, upkeep: Upkeep, publisher: Publisher, admission: Admission, controls: Controls, events: Events
    ) -> None:
        self._upkeep = upkeep
        self._publisher = publisher
        self._admission = admission
        self._controls = controls
        self._events = events

    def run_once(self) -> bool:
        self._publisher.start()
        if not self._publisher.connected or self._publisher.waiting > ENOUGH_WAITING:
            return False
        due = self._upkeep.take_due(BATCH)
        if due:
            failpoint("keeper.relay.taken")
            admitted = self._admission.admit(due)
            self._publisher.publish(admitted)
            if len(admitted) < len(due):
                self._controls.park(list(set(due).difference(admitted)))
            self._events.emit("keeper.relayed", count=len(admitted))
        return len(due) == BATCH
