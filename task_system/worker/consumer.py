"""Celery's consumer, without its delayed delivery, its standstill while the broker is away, and its last word on tasks
that it does not know.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

from amqp.exceptions import AMQPError
from celery.worker import loops, state
from celery.worker.consumer import Consumer
from kombu.common import ignore_errors

from task_system.broker import topology

_DELAYED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"
#: Between two looks whether the broker is back, in seconds.
LOOK_FIRST_S, LOOK_MOST_S = 0.2, 2.0
#: What the broker may take to answer, in seconds. After a partition it can keep who consumes waiting for a minute, and
#: answer the next connection at once.
ANSWER_TIMEOUT_S = 5.0
_log = logging.getLogger(__name__)


class TaskConsumer(Consumer):
    """Named in `worker_consumer`."""

    class Blueprint(Consumer.Blueprint):
        """Celery's steps but one: nothing of ours waits in the broker, so it needs no queues for what is delayed."""

        default_steps = [step for step in Consumer.Blueprint.default_steps if step != _DELAYED]

    def connect(self) -> Any:
        """Connect; where a connection was lost, what runs here goes on until there can be another.

        Celery's own way is to sleep between its tries, in the thread that takes what the pool has done: no end would be
        recorded, no time limit kept and no claim performed before the broker is back.
        """
        if self.hub is not None and self.restart_count:
            _go_on_until(_Looking(self._look).found, self.hub, self.controller)
        return super().connect()

    def stop(self) -> None:
        """Give back what waits here for a slot: with Celery's own it stays until what runs has ended."""
        super().stop()
        if self.task_consumer is not None:
            ignore_errors(self, self.task_consumer.channel.close)

    def on_unknown_task(self, _body: Any, message: Any, exc: Exception) -> None:
        """To the dead letters, as any message that is not for this worker: a newer one may know the type.

        Celery's own also tells who waits in Redis that the task has failed, which lives on.
        """
        _log.error("no task type %s is known here; its message goes to the dead letters", exc)
        message.reject_log_error(_log, self.connection_errors)

    def connection_for_read(self, heartbeat: int | None = None) -> Any:
        """Celery's own has no end of waiting for an answer, and nothing is done meanwhile."""
        return self.ensure_connected(_impatient(self.app.connection_for_read(heartbeat=heartbeat)))

    def _look(self) -> None:
        """Whether the broker would let us consume.

        One without most nodes of its cluster lets everybody in, and then keeps who declares waiting for half a minute.
        """
        connection = _impatient(self.app.connection_for_read())
        try:
            connection.connect()
            topology.declare(connection)
        finally:
            connection.collect(socket_timeout=0.1)


def _impatient(connection: Any) -> Any:
    """The same, before it is opened: an answer that does not come in time breaks it."""
    connection.transport_options = connection.transport_options | {
        "read_timeout": ANSWER_TIMEOUT_S,
        "write_timeout": ANSWER_TIMEOUT_S,
    }
    return connection


class _Looking:
    """Looks for the broker in a thread of its own; `found` is set once it answers."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self.found = threading.Event()
        threading.Thread(target=self._run, name="broker-looking", daemon=True).start()

    def _run(self) -> None:
        pause_s = LOOK_FIRST_S
        while not self.found.is_set():
            try:
                self._look()
            except (AMQPError, OSError) as error:
                _log.debug("the broker is away: %r", error)
                self.found.wait(pause_s)
                pause_s = min(2 * pause_s, LOOK_MOST_S)
            except Exception:  # noqa: BLE001 - Celery then meets it, and says it better
                _log.exception("cannot look for the broker")
                self.found.set()
            else:
                self.found.set()


def _go_on_until(found: threading.Event, hub: Any, controller: Any) -> None:
    """Turn the event loop, which lost everything with its connection, for the pool alone."""
    before = loops._timer_entries(hub.timer)  # noqa: SLF001 - as Celery's own loop does when it begins
    controller.register_with_event_loop(hub)
    ours = loops._timer_entries(hub.timer) - before  # noqa: SLF001 - as above
    try:
        loop = hub.create_loop()
        while not found.is_set():
            state.maybe_shutdown()
            try:
                next(loop)
            except StopIteration:
                loop = hub.create_loop()
    finally:
        found.set()
        hub.reset()
        loops._cancel_timer_entries(hub.timer, ours)  # noqa: SLF001 - as above
