"""The keeper: all roles side by side, and a heartbeat that says so."""

from collections.abc import Sequence

from task_system.keeper.role import Role, RoleLoop
from task_system.model.events import Events
from task_system.store.upkeep import Upkeep
from task_system.store.workers import Identity, Workers

STOP_S = 5.0


class Heartbeat:
    """A role of its own: the keeper lives."""

    name = "keeper-heartbeat"

    def __init__(self, workers: Workers, identity: Identity, *, every_s: float) -> None:
        self._workers = workers
        self._identity = identity
        self.every_s = every_s

    def run_once(self) -> bool:
        self._workers.beat(self._identity)
        return False


class Keeper:
    """Runs roles until stopped."""

    def __init__(
        self, roles: Sequence[Role], upkeep: Upkeep, workers: Workers, identity: Identity, events: Events
    ) -> None:
        self._upkeep = upkeep
        self._workers = workers
        self._identity = identity
        self._loops = [RoleLoop(role, events) for role in roles]

    def start(self) -> None:
        """Start all roles."""
        for loop in self._loops:
            loop.start()

    def stop(self) -> None:
        """Stop all roles, and let another keeper lead at once. Raises StoreUnavailable."""
        for loop in self._loops:
            loop.stop()
        for loop in self._loops:
            loop.join(STOP_S)
        self._upkeep.resign(self._identity.name)
        self._workers.leave(self._identity.name)
