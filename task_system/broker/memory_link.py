"""Publishing inside one process, for the embedded mode."""

import threading
from collections.abc import Sequence

from kombu import Connection, Producer

from task_system.broker import topology
from task_system.broker.message import BODY, CONTENT_ENCODING, CONTENT_TYPE, headers_of
from task_system.model.task import Dispatch

#: By name, as Celery's settings want it as well.
MEMORY_TRANSPORT = "task_system.broker.memory:Transport"


class MemoryLink:
    """A Link to the queues of this process. What was sent is taken at once."""

    window = 1024
    unconfirmed = 0

    def __init__(self, url: str) -> None:
        self._connection = Connection(url, transport=MEMORY_TRANSPORT)
        topology.declare(self._connection)
        self._producer = Producer(self._connection.channel(), exchange=topology.TASKS, auto_declare=False)
        self._confirmed: list[Dispatch] = []
        self._woken = threading.Event()

    def send(self, dispatches: Sequence[Dispatch]) -> None:
        for dispatch in dispatches:
            self._producer.publish(
                BODY,
                routing_key=dispatch.queue,
                headers=headers_of(dispatch),
                content_type=CONTENT_TYPE,
                content_encoding=CONTENT_ENCODING,
                correlation_id=str(dispatch.task_id),
            )
        self._confirmed.extend(dispatches)

    def wait(self, timeout_s: float) -> None:
        self._woken.wait(timeout_s)
        self._woken.clear()

    def wake(self) -> None:
        self._woken.set()

    def taken(self) -> tuple[list[Dispatch], list[Dispatch]]:
        confirmed, self._confirmed = self._confirmed, []
        return confirmed, []

    def close(self) -> None:
        self._connection.release()
