"""The embedded broker: Celery's in-memory transport, woken by a message instead of looking for one.

Without this a consumer would either look a hundred times a second or find its messages late.
"""

import threading
from queue import Empty
from typing import Any

from kombu.transport import memory

_happened = threading.Condition()
_count = 0


class Channel(memory.Channel):
    """An in-memory channel that tells when it puts a message."""

    def _put(self, queue: str, message: Any, **options: Any) -> None:
        super()._put(queue, message, **options)
        wake()

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        super().basic_ack(delivery_tag, multiple)
        # There is room for another message.
        wake()


def wake() -> None:
    """End every wait for a message."""
    global _count  # noqa: PLW0603 - the transport's queues are global as well
    with _happened:
        _count += 1
        _happened.notify_all()


class Transport(memory.Transport):
    """The transport of `memory://` in this service."""

    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:  # noqa: ARG002 - kombu passes it
        seen = _count
        try:
            self.cycle.get(self._deliver, timeout=timeout)
        except Empty:
            with _happened:
                _happened.wait_for(lambda: _count != seen, timeout)
            if _count == seen:
                raise TimeoutError from None
