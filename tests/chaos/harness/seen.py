"""What is promised, and what the parts below us break; each with the tests that would see it broken here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """Something to be seen, and `tests` that see it, by file and function below `tests/`."""

    what: str
    tests: tuple[str, ...]


PROMISES = (
    Seen(
        "A 202 is sent when the row is committed. From then on the task ends in a terminal state, whatever dies.",
        (
            "unit/test_committer.py::test_a_row_is_on_disk_when_its_request_is_answered",
            "integration/test_faults.py::test_every_accepted_task_ends_once",
            "chaos/test_kills.py::test_web_dies",
            "chaos/test_database.py::test_postgresql_restarts",
        ),
    ),
    Seen(
        "The row is the truth; RabbitMQ holds wake-up calls, Redis copies. Losing them delays, and loses nothing.",
        (
            "integration/test_running.py::test_a_finished_task_reads_the_same_from_redis_and_from_the_database",
            "chaos/test_broker.py::test_rabbitmq_is_wiped",
            "chaos/test_redis.py::test_redis_is_flushed",
        ),
    ),
    Seen(
        "Nothing waits in a broker or in a worker's memory: delays, backoff and schedules are moments in the row.",
        (
            "unit/test_committer.py::test_what_is_due_is_published_and_the_rest_left_to_the_relay",
            "chaos/test_keeper_kills.py::test_the_relay_dies",
            "chaos/test_keeper_kills.py::test_the_scheduler_dies",
        ),
    ),
    Seen(
        "A message is a bare reference. What runs is what the row says, never what a message says.",
        (
            "contract/test_broker.py::test_what_is_published_is_celerys_protocol_2_with_a_bare_reference_in_it",
            "chaos/test_messages.py::test_garbage",
            "chaos/test_messages.py::test_old_copies",
        ),
    ),
    Seen(
        "Every change of state is one conditional UPDATE, so each task has exactly one recorded outcome.",
        (
            "contract/test_state_machine.py::test_whatever_happens_rows_say_what_they_should",
            "contract/test_leases.py::test_a_zombie_cannot_end_what_another_worker_runs_now",
            "chaos/test_broker.py::test_messages_are_delivered_twice",
            "chaos/test_database.py::test_postgresql_restarts",
            "chaos/test_workers.py::test_a_zombie",
            "chaos/test_clocks.py::test_a_wrong_clock",
        ),
    ),
    Seen(
        "A task runs at least once; without faults exactly once.",
        (
            "integration/test_faults.py::test_without_a_fault_every_task_runs_exactly_once",
            "contract/test_races.py::test_each_task_is_started_by_one_of_many_workers",
        ),
    ),
    Seen(
        "High overtakes low at the next free slot, however many low tasks wait, and low is never starved.",
        ("integration/test_running.py::test_high_overtakes_normal_overtakes_low",),
    ),
    Seen(
        "Cancel sticks: before its start a task never starts; after it, it is told, and ended after a grace.",
        (
            "contract/test_acting.py::test_a_waiting_task_is_over_at_once_and_never_starts",
            "integration/test_acting.py::test_a_running_task_that_does_not_listen_is_killed_and_its_slot_is_free",
            "chaos/test_cancels.py::test_cancels_race",
        ),
    ),
    Seen(
        "One code path: the embedded service passes the tests of the full stack.",
        ("integration/test_running.py::test_the_embedded_service_loses_no_task_when_it_ends",),
    ),
    Seen(
        "Honest when overloaded or broken: bounded waits, 503 with Retry-After, and health that names the fault.",
        (
            "integration/test_outages.py::test_readiness_tells_who_is_missing",
            "chaos/test_overload.py::test_overload",
            "chaos/test_http.py::test_slow_clients",
        ),
    ),
)

#: What Celery, kombu, py-amqp or RabbitMQ do to those who use them as they come.
HOLES = (
    Seen(
        "A message to a queue that is gone is confirmed all the same, and lost.",
        (
            "contract/test_broker.py::test_what_no_queue_takes_is_refused_and_the_others_are_not",
            "chaos/test_broker.py::test_queues_are_purged_or_deleted",
        ),
    ),
    Seen(
        "Any confirm is taken for one's own: that of an earlier message, which had timed out.",
        (
            "unit/test_publisher.py::test_confirms_in_any_order_are_each_ones_own",
            "contract/test_broker.py::test_a_broker_that_dies_breaks_the_connection_and_leaves_no_doubtful_confirm",
            "chaos/test_broker.py::test_confirms_are_swallowed",
        ),
    ),
    Seen(
        "While RabbitMQ lacks memory or disk who publishes hangs; and what timed out is in the queue later.",
        (
            "chaos/test_broker.py::test_rabbitmq_raises_an_alarm",
            "chaos/test_disks.py::test_rabbitmq_has_little_room",
        ),
    ),
    Seen(
        "After an error a channel with confirms waits for ever (py-amqp before 5.4.2).",
        (
            "chaos/test_holes.py::test_py_amqp_is_one_that_is_mended",
            "unit/test_publisher.py::test_what_the_broker_refused_is_the_relays_at_once_and_a_new_connection_is_made",
        ),
    ),
    Seen(
        "Without confirms the first message after a restart of RabbitMQ is lost.",
        (
            "chaos/test_broker.py::test_rabbitmq_restarts",
            "chaos/test_broker.py::test_rabbitmq_restarts_again_and_again",
        ),
    ),
    Seen(
        "Requests wait without end for a connection of Celery's pool.",
        (
            "chaos/test_broker.py::test_rabbitmq_hangs",
            "unit/test_publisher.py::test_stopping_does_not_wait_for_a_broker_that_says_nothing",
        ),
    ),
    Seen(
        "A task that kills its process fails at its first death, or goes round without end and is dropped in silence.",
        ("chaos/test_workers.py::test_poison", "chaos/test_kills.py::test_a_pool_process_dies"),
    ),
    Seen(
        "A MemoryError stops all slots of a worker.",
        (
            "chaos/test_workers.py::test_memory_runs_out",
            "unit/test_execute.py::test_not_even_what_ends_programs_ends_the_worker",
        ),
    ),
    Seen(
        "When Redis is away as a task ends, its result is lost.",
        ("chaos/test_redis.py::test_redis_dies", "chaos/test_redis.py::test_redis_is_full"),
    ),
    Seen(
        "A message that cannot be read, or names no known task, is acknowledged and gone; its task waits for ever.",
        (
            "chaos/test_messages.py::test_garbage",
            "contract/test_broker.py::test_a_message_that_is_not_ours_is_told_apart",
        ),
    ),
    Seen(
        "When RabbitMQ restarts or hangs, what runs is delivered again, and runs twice, or its worker hangs.",
        (
            "chaos/test_broker.py::test_what_runs_ends_without_rabbitmq",
            "chaos/test_broker.py::test_rabbitmq_dies",
            "chaos/test_broker.py::test_rabbitmq_hangs",
        ),
    ),
    Seen(
        "What is to run later lies unacknowledged in a worker's memory until RabbitMQ closes its channel.",
        (
            "contract/test_broker.py::test_what_is_published_is_celerys_protocol_2_with_a_bare_reference_in_it",
            "integration/test_api.py::test_a_delayed_task_is_scheduled_and_starts_when_due",
            "chaos/test_workers.py::test_longer_than_its_lease",
        ),
    ),
    Seen(
        "A connection whose other side is gone, and did not say so, is read from for minutes.",
        (
            "chaos/test_broker.py::test_a_half_open_connection_to_rabbitmq",
            "chaos/test_database.py::test_a_half_open_connection_to_postgresql",
        ),
    ),
    Seen(
        "Processes of the pool are forked with the parent's connections, and both speak on one.",
        ("contract/test_connections.py::test_a_forked_process_speaks_on_connections_of_its_own",),
    ),
)
