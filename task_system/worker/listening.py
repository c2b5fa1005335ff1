"""Notices that the broker has forgotten that this worker consumes, and begins anew.

RabbitMQ does not tell a consumer of a quorum queue that is deleted, by an operator or a node's repair, just after it
began; and to a connection that waits, no news is as good as an empty queue. Tasks would lie there for ever, with a
worker that lives and says that it takes them.
"""

import logging
import socket
import threading
from collections.abc import Callable
from typing import Any

from task_system.model.errors import BrokerUnavailable

#: Between two looks, in seconds.
LOOK_EVERY_S = 5.0
_log = logging.getLogger(__name__)


class Listening:
    """One thread per worker.

    looks: messages ready in each of these queues, and its consumers; may raise BrokerUnavailable. queues: those that
    this worker consumes, as far as it knows. begin_anew: called in the thread when nobody consumes one of them though
    it has messages, in two looks running.
    """

    def __init__(
        self,
        looks: Callable[[tuple[str, ...]], dict[str, tuple[int, int | None]]],
        queues: Callable[[], tuple[str, ...]],
        begin_anew: Callable[[], None],
    ) -> None:
        self._looks = looks
        self._queues = queues
        self._begin_anew = begin_anew
        self._deaf_to: frozenset[str] = frozenset()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join(timeout_s)

    def look(self) -> None:
        """Look once. Raises BrokerUnavailable."""
        found = self._looks(self._queues())
        unheard = frozenset(queue for queue, (ready, consumers) in found.items() if ready and consumers == 0)
        if lost := sorted(unheard & self._deaf_to):
            _log.warning("nobody consumes %s, which this worker does; connecting anew", ", ".join(lost))
            unheard = frozenset()
            self._begin_anew()
        self._deaf_to = unheard

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                self.look()
            except BrokerUnavailable:
                self._deaf_to = frozenset()
            except Exception:  # noqa: BLE001 - whatever it was, the next look may go well
                _log.exception("could not look who consumes")


def consumed(consumer: Any) -> tuple[str, ...]:
    """The queues that Celery's consumer believes to consume; none while it has no connection."""
    tasks = consumer.task_consumer
    return tuple(queue.name for queue in tasks.queues if tasks.consuming_from(queue)) if tasks else ()


def hang_up(consumer: Any) -> None:
    """Break the connection of Celery's consumer, from any thread: it connects anew as after any loss."""
    try:
        consumer.connection.connection.sock.shutdown(socket.SHUT_RDWR)
    except (AttributeError, OSError) as error:
        _log.debug("there is no connection to break: %r", error)
