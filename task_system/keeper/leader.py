"""Being the only one: a lease on a role, for what several keepers must not do at the same time."""

from task_system.store.upkeep import Upkeep

#: Another keeper takes over this long after the leader was last heard of, in seconds.
LEAD_S = 15.0


class Leadership:
    """One keeper's wish to lead a role."""

    def __init__(self, upkeep: Upkeep, role: str, holder: str) -> None:
        self._upkeep = upkeep
        self._role = role
        self._holder = holder

    def held(self) -> bool:
        """Take or keep the lead; answers whether it is ours. Raises StoreUnavailable."""
        return self._upkeep.lead(self._role, self._holder, LEAD_S)
