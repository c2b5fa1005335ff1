"""Holes of Celery, kombu and py-amqp that lose or stop something, and the tests that each of them would fail."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hole:
    """What happens to others. `tests`: those that would see it here, by file and function below `tests/`."""

    what: str
    tests: tuple[str, ...]


HOLES = (
    Hole(
        "A message to a queue that is gone is confirmed all the same, and lost.",
        (
            "contract/test_broker.py::test_what_no_queue_takes_is_refused_and_the_others_are_not",
            "chaos/test_broker.py::test_queues_are_purged_or_deleted",
        ),
    ),
    Hole(
        "Any confirm is taken for one's own: that of an earlier message, which had timed out.",
        (
            "unit/test_publisher.py::test_confirms_in_any_order_are_each_ones_own",
            "contract/test_broker.py::test_a_broker_that_dies_breaks_the_connection_and_leaves_no_doubtful_confirm",
            "chaos/test_broker.py::test_confirms_are_swallowed",
        ),
    ),
    Hole(
        "While RabbitMQ lacks memory or disk who publishes hangs; and what timed out is in the queue later.",
        (
            "chaos/test_broker.py::test_rabbitmq_raises_an_alarm",
            "chaos/test_disks.py::test_rabbitmq_has_little_room",
        ),
    ),
    Hole(
        "After an error a channel with confirms waits for ever (py-amqp before 5.4.2).",
        (
            "chaos/test_holes.py::test_py_amqp_is_one_that_is_mended",
            "unit/test_publisher.py::test_what_the_broker_refused_is_the_relays_at_once_and_a_new_connection_is_made",
        ),
    ),
    Hole(
        "Without confirms the first message after a restart of RabbitMQ is lost.",
        (
            "chaos/test_broker.py::test_rabbitmq_restarts",
            "chaos/test_broker.py::test_rabbitmq_restarts_again_and_again",
        ),
    ),
    Hole(
        "Requests wait without end for a connection of Celery's pool.",
        (
            "chaos/test_broker.py::test_rabbitmq_hangs",
            "unit/test_publisher.py::test_stopping_does_not_wait_for_a_broker_that_says_nothing",
        ),
    ),
    Hole(
        "A task that kills its process fails at its first death, or goes round without end and is dropped in silence.",
        ("chaos/test_workers.py::test_poison", "chaos/test_kills.py::test_a_pool_process_dies"),
    ),
    Hole(
        "A MemoryError stops all slots of a worker.",
        (
            "chaos/test_workers.py::test_memory_runs_out",
            "unit/test_execute.py::test_not_even_what_ends_programs_ends_the_worker",
        ),
    ),
    Hole(
        "When Redis is away as a task ends, its result is lost.",
        ("chaos/test_redis.py::test_redis_dies", "chaos/test_redis.py::test_redis_is_full"),
    ),
    Hole(
        "A message that cannot be read, or names no known task, is acknowledged and gone; its task waits for ever.",
        (
            "chaos/test_messages.py::test_garbage",
            "contract/test_broker.py::test_a_message_that_is_not_ours_is_told_apart",
        ),
    ),
    Hole(
        "When RabbitMQ restarts or hangs, what runs is delivered again, and runs twice, or its worker hangs.",
        (
            "chaos/test_broker.py::test_what_runs_ends_without_rabbitmq",
            "chaos/test_broker.py::test_rabbitmq_dies",
            "chaos/test_broker.py::test_rabbitmq_hangs",
        ),
    ),
    Hole(
        "What is to run later lies unacknowledged in a worker's memory until RabbitMQ closes its channel.",
        (
            "contract/test_broker.py::test_what_is_published_is_celerys_protocol_2_with_a_bare_reference_in_it",
            "integration/test_api.py::test_a_delayed_task_is_scheduled_and_starts_when_due",
            "chaos/test_workers.py::test_longer_than_its_lease",
        ),
    ),
    Hole(
        "A connection whose other side is gone, and did not say so, is read from for minutes.",
        (
            "chaos/test_broker.py::test_a_half_open_connection_to_rabbitmq",
            "chaos/test_database.py::test_a_half_open_connection_to_postgresql",
        ),
    ),
    Hole(
        "Processes of the pool are forked with the parent's connections, and both speak on one.",
        ("contract/test_connections.py::test_a_forked_process_speaks_on_connections_of_its_own",),
    ),
)
