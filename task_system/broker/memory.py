"""The embedded broker: Celery's in-memory transport, woken by a message instead of looking for one.

Without this a consumer would either look a hundred times a second or find its messages late.
"""

import threading
from queue import Empty
from typing import Any

from kombu.transport import memory, virtual

_happened = threading.Condition()
_count = 0


class QoS(virtual.QoS):
    """A prefetch for each queue, as RabbitMQ has one for each consumer: many low tasks keep no high one out."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._held: dict[str, set[str]] = {}

    def can_consume(self) -> bool:
        return True

    def is_full(self, queue: str) -> bool:
        """Whether as many of the queue's messages as are allowed wait to be acknowledged."""
        limit: int = self.prefetch_count
        return 0 < limit <= len(self._held.get(queue, ()))

    def append(self, message: Any, delivery_tag: str) -> None:
        self._held.setdefault(message.delivery_info["routing_key"], set()).add(delivery_tag)
        super().append(message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        super().ack(delivery_tag)
        self._let_go(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        super().reject(delivery_tag, requeue)
        self._let_go(delivery_tag)

    def _let_go(self, delivery_tag: str) -> None:
        # Other threads acknowledge as well, hence the copy.
        for tags in list(self._held.values()):
            tags.discard(delivery_tag)


class Channel(memory.Channel):
    """An in-memory channel that tells when it puts a message, and has a prefetch for each queue."""

    QoS = QoS

    def _get_and_deliver(self, queue: str, callback: Any) -> None:
        if self.qos.is_full(queue):
            raise Empty
        super()._get_and_deliver(queue, callback)

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
