"""The one seam between recorded and dispatched: may this task be published now? Submit and relay both ask.

Today everything that is due may. Pauses, limits, fairness and dependencies will answer here.
"""

from collections.abc import Iterable

from task_system.model.task import Dispatch


def admit(dispatches: Iterable[Dispatch]) -> list[Dispatch]:
    """Those that may be published now. The others' rows stay with the relay."""
    return list(dispatches)
