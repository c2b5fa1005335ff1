"""Calling functions in the consumer's thread, from any other: it alone may write to the broker.

The event loop's own way forgets what is to be called after what raises, as reading from a lost connection does. Here
nothing is forgotten: what is left waits for the loop's next turn, whichever connection that has.
"""

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

_log = logging.getLogger(__name__)


class Soon:
    """One per worker with an event loop."""

    def __init__(self, hub: Any) -> None:
        self._hub = hub
        self._waiting: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        hub.on_tick.add(self._turn)

    def __call__(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call it soon, after all that was handed in before."""
        self._waiting.append((function, arguments))
        # Wakes the loop.
        self._hub.call_soon(self._turn)

    def _turn(self) -> None:
        while self._waiting:
            function, arguments = self._waiting.popleft()
            at_once(function, *arguments)


def at_once(function: Callable[..., object], *arguments: Any) -> None:
    """Call it in this thread, as a worker without an event loop may; whatever it raises, its caller goes on."""
    try:
        function(*arguments)
    except Exception:  # noqa: BLE001 - others wait behind it, or rely on the thread
        _log.exception("%r failed", function)
