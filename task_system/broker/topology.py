"""Exchanges and queues. All declarations are here, so that every process declares the same.

Only `x-queue-type` stands in code: RabbitMQ refuses to declare a queue again with other arguments, so all that may
change one day (delivery limit, dead-lettering, consumer timeout) are policies, see `policies.py`.
"""

from kombu import Connection, Exchange, Queue

from task_system.model.routing import LANES, queues_of

#: Where tasks are published, by the name of their queue.
TASKS = Exchange("tasks", type="direct", durable=True)
#: Where RabbitMQ puts what it gives up on.
DEAD = Exchange("tasks.dead", type="fanout", durable=True)

_QUORUM = {"x-queue-type": "quorum"}

QUEUES = tuple(Queue(name, TASKS, routing_key=name, durable=True, queue_arguments=_QUORUM) for name in queues_of(LANES))
DEAD_QUEUE = Queue("tasks.dead", DEAD, routing_key="", durable=True, queue_arguments=_QUORUM)
#: Only shows whether queues take messages; nobody reads it, and what is in it expires.
PROBE_QUEUE = Queue("tasks.probe", durable=True, queue_arguments=_QUORUM)


def declare(connection: Connection) -> None:
    """Declare everything; harmless where it is there already."""
    with connection.channel() as channel:
        for queue in (*QUEUES, DEAD_QUEUE, PROBE_QUEUE):
            queue(channel).declare()


def depth(connection: Connection, queue: str) -> int | None:
    """Messages ready in a queue; None when the queue is not there."""
    found = look(connection, queue)
    return found and found[0]


def look(connection: Connection, queue: str) -> tuple[int, int] | None:
    """Messages ready in a queue, and its consumers; None when the queue is not there."""
    with connection.channel() as channel:
        try:
            found = channel.queue_declare(queue, passive=True)
            return int(found.message_count), int(found.consumer_count)
        except connection.channel_errors:
            return None
