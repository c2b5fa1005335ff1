"""Looking into the broker: how much is in a queue, what it gave up on, whether it answers."""

from collections.abc import Iterator
from contextlib import contextmanager

from amqp.basic_message import Message as AmqpMessage
from amqp.exceptions import AMQPError, MessageNacked
from kombu import Connection, Message

from task_system.broker import topology
from task_system.broker.memory_link import MEMORY_TRANSPORT
from task_system.model.errors import BrokerUnavailable

TIMEOUT_S = 2.0
#: What a probe leaves in its queue is gone after this, in milliseconds.
PROBE_EXPIRES_MS = "1000"
#: Dead letters of one look.
DEAD_BATCH = 500


class Inspector:
    """Opens a short connection for each look; looks are rare."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._memory = url.startswith("memory://")

    def depth(self, queue: str) -> int:
        """Messages ready in a queue; 0 when it is missing. Raises BrokerUnavailable.

        Of a queue that nobody leads the broker says that it is empty, so it is first tried whether queues work at all.
        """
        with self._connected() as connection:
            if not self._memory:
                _probe(connection)
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
        """Raise BrokerUnavailable unless the broker answers, and its queues take messages."""
        with self._connected() as connection:
            if not self._memory:
                _probe(connection)

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


def _probe(connection: Connection) -> None:
    """A broker in want of memory or disk answers all else, and reads no message but the first of a connection.

    One that is cut off from most nodes of its cluster answers all else too, and confirms none.
    """
    channel = connection.default_channel
    try:
        for _ in range(2):
            message = AmqpMessage(b"", expiration=PROBE_EXPIRES_MS)
            channel.basic_publish_confirm(message, routing_key=topology.PROBE_QUEUE.name, confirm_timeout=TIMEOUT_S)
    except (TimeoutError, MessageNacked) as error:
        # Nor does it answer a farewell.
        connection.collect(socket_timeout=0.1)
        raise BrokerUnavailable(
            "RabbitMQ takes no messages: does it lack memory or disk, or most nodes of its cluster?"
        ) from error
