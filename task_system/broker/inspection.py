"""Looking into the broker: how much is in a queue, what it gave up on, whether it answers."""

from collections.abc import Iterator
from contextlib import contextmanager

from amqp.exceptions import AMQPError
from kombu import Connection, Message

from task_system.broker import topology
from task_system.broker.memory_link import MEMORY_TRANSPORT
from task_system.model.errors import BrokerUnavailable

TIMEOUT_S = 2.0
#: Dead letters of one look.
DEAD_BATCH = 500


class Inspector:
    """Opens a short connection for each look; looks are rare."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._memory = url.startswith("memory://")

    def depth(self, queue: str) -> int:
        """Messages ready in a queue; 0 when it is missing. Raises BrokerUnavailable."""
        with self._connected() as connection:
            return topology.depth(connection, queue) or 0

    def looks(self, queues: tuple[str, ...]) -> dict[str, tuple[int, int | None]]:
        """Messages ready in each queue, 0 for one that is missing; and consumers, where they are known.

        Raises BrokerUnavailable.
        """
        with self._connected() as connection:
            found = {queue: topology.look(connection, queue) or (0, 0) for queue in queues}
        return {queue: (ready, None if self._memory else consumers) for queue, (ready, consumers) in found.items()}

    def dead_letters(self) -> Iterator[Message]:
        """Messages that the broker gave up on, as many as are there now. Raises BrokerUnavailable."""
        with self._connected() as connection:
            topology.declare(connection)
            queue = topology.DEAD_QUEUE(connection.default_channel)
            for _ in range(DEAD_BATCH):
                message = queue.get(no_ack=False)
                if message is None:
                    return
                yield message

    def ping(self) -> None:
        """Raise BrokerUnavailable unless the broker answers."""
        with self._connected():
            pass

    def version(self) -> str:
        """As the broker says it. Raises BrokerUnavailable."""
        with self._connected() as connection:
            return str(connection.connection.server_properties.get("version", "unknown"))

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        connection = Connection(
            self._url,
            transport=MEMORY_TRANSPORT if self._memory else None,
            connect_timeout=TIMEOUT_S,
            transport_options={}
            if self._memory
            else {"read_timeout": TIMEOUT_S, "write_timeout": TIMEOUT_S, "max_retries": 0},
        )
        try:
            connection.connect()
            yield connection
        except (AMQPError, OSError) as error:
            raise BrokerUnavailable from error
        finally:
            connection.release()
