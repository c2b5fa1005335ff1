"""Notices that the broker no longer delivers to this worker, and begins anew.

RabbitMQ does not tell a consumer of a quorum queue that is deleted just after it began; and what it was delivering when
a queue's leader died may never come. To a connection that waits, no news is as good as an empty queue: tasks would lie
there for ever, with a worker that lives and says that it takes them.
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
    this worker consumes, as far as it knows. holding: queues of which messages wait here; received: how many came, by
    queue. begin_anew: called in the thread when a queue has messages in two looks running, none waits here, and none
    came in between: the broker owes this worker some.
    """

    def __init__(
        self,
        looks: Callable[[tuple[str, ...]], dict[str, tuple[int, int | None]]],
        queues: Callable[[], tuple[str, ...]],
        holding: Callable[[], set[str]],
        received: Callable[[], dict[str, int]],
        begin_anew: Callable[[], None],
    ) -> None:
        self._looks = looks
        self._queues = queues
        self._holding = holding
        self._received = received
        self._begin_anew = begin_anew
        #: Queues that owed this worker something at the last look: how many of their messages had come until then.
        self._owing: dict[str, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listening", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread, without waiting for the look that it may be at."""
        self._stopping.set()

    def look(self) -> None:
        """Look once. Raises BrokerUnavailable."""
        found = self._looks(self._queues())
        holding, received = self._holding(), self._received()
        owing = {queue: received.get(queue, 0) for queue, (ready, _) in found.items() if ready and queue not in holding}
        if (silent := sorted(owing.items() & self._owing.items())) and not self._stopping.is_set():
            names = ", ".join(queue for queue, _ in silent)
            _log.warning("%s has messages and delivers none to this worker; connecting anew", names)
            owing = {}
            self._begin_anew()
        self._owing = owing

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            try:
                self.look()
            except BrokerUnavailable:
                self._owing = {}
            except Exception:  # noqa: BLE001 - whatever it was, the next look may go well
                _log.exception("could not look what the broker has")


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
