"""Where our worker meets Celery: task types as Celery tasks, a strategy that reserves, a step that starts and stops.

Celery's own extension points: `Task.Strategy` gets each message; a worker bootstep between the pool and the consumer is
started after the one and stopped before the other.
"""

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from celery import Celery, Task, bootsteps
from celery.signals import setup_logging, worker_init, worker_process_init
from kombu import Message

from task_system.broker.message import reference_of
from task_system.broker.results import Results
from task_system.dispatch.admission import Admission
from task_system.dispatch.filing import Filing
from task_system.model.events import Events
from task_system.model.routing import lane_of
from task_system.model.task import Dispatch
from task_system.registry import Registry
from task_system.store import Database
from task_system.store.leases import Leases
from task_system.store.task_logs import TaskLogs
from task_system.store.workers import Identity, Workers
from task_system.worker.announcer import Announcer
from task_system.worker.foreman import Foreman
from task_system.worker.heartbeat import Heartbeat
from task_system.worker.listening import Listening, consumed, hang_up
from task_system.worker.recorder import BatchRecorder
from task_system.worker.returner import Returner
from task_system.worker.run import Run
from task_system.worker.runtime import Runtime, runtime, set_runtime
from task_system.worker.soon import Soon, at_once
from task_system.worker.task_log import TaskLog
from task_system.worker.telling import Telling

#: After the grace: time to record the hand-backs, in seconds.
LAST_WRITES_S = 5.0
#: How soon the attempt of a pool process that died is ended, in seconds.
BURY_EVERY_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class WorkerParts:
    """What a worker is made of; `wiring` fills it."""

    registry: Registry
    #: For claims and ends.
    database: Database
    #: Where it says that it lives.
    workers: Workers
    #: For what attempts themselves ask; forked with the pool, so it must not be used before.
    attempts_database: Database
    results: Results | None
    events: Events
    admission: Admission
    #: Takes rows of tasks that are not to be started now out of everybody's way.
    park: Callable[[Sequence[Dispatch]], None]
    #: Messages and consumers of queues, asked from the broker; None where worker and broker are one process.
    looks: Callable[[tuple[str, ...]], dict[str, tuple[int, int | None]]] | None
    version: str
    data_dir: Path
    #: Over the attempts' database.
    filing: Filing
    lease_s: float
    heartbeat_s: float
    grace_s: float
    resources: dict[type, object] = field(default_factory=dict)


def create_celery_app(config: Any, registry: Registry, parts: Callable[[], WorkerParts]) -> Celery:
    """A Celery app whose workers run our task types.

    config: an object or a module's name, with Celery's settings. parts: called by a worker, not by clients.
    """
    app = Celery("task_system", set_as_current=False, fixups=[], control="task_system.worker.control:Control")
    app.config_from_object(config)
    for task_type in registry:
        app.register_task(_TypeTask(task_type.name, task_type.description))
    app.steps["worker"].add(ForemanStep)
    app.conf.task_system_parts = parts
    setup_logging.connect(_leave_logging_alone)
    worker_process_init.connect(_in_pool_process)
    return app


def run_worker(app: Celery, arguments: Sequence[str]) -> int:
    """Run a worker until it ends; answers its exit code, which Celery's own command keeps to itself."""
    workers: list[Any] = []

    def remember(sender: Any, **_facts: Any) -> None:
        workers.append(sender)

    worker_init.connect(remember)
    app.worker_main([*arguments])
    return workers[-1].exitcode or 0 if workers else 1


class _TypeTask(Task):
    """A task type, as far as Celery needs to know: its name. Celery never calls it."""

    Strategy = "task_system.worker.celery_app:reserving"
    ignore_result = True

    def __init__(self, name: str, description: str) -> None:
        self.name = name
        self.__doc__ = description

    def run(self, *_args: Any, **_kwargs: Any) -> None:
        raise NotImplementedError("Submit tasks over HTTP: POST /api/tasks.")


def _leave_logging_alone(**_facts: Any) -> None:
    """Celery configures logging unless somebody listens to this signal; ours is configured by the command."""


def _in_pool_process(**_facts: Any) -> None:
    here = runtime()
    here.database.forget()
    here.task_log.one_at_a_time = True


def reserving(task: Task, _app: Celery, consumer: Any) -> Callable[..., None]:
    """Celery's strategy for our tasks: hand each message to the foreman."""
    foreman: Foreman = consumer.controller.foreman

    def on_message(message: Message, _body: Any, _ack: Any, _reject: Any, _callbacks: Any) -> None:
        try:
            task_id, dispatch_no = reference_of(message)
            run = Run(message, task_id, dispatch_no, task.name, message.delivery_info["routing_key"])
        except ValueError as error:
            # To the dead-letter queue, where the keeper looks at it.
            _log.warning("a message is not one of ours (%s); it goes to the dead letters", error)
            message.reject_log_error(_log, (Exception,))
        else:
            foreman.reserve(run)

    return on_message


class ForemanStep(bootsteps.StartStopStep):
    """Starts and stops what is ours in a worker."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **_options: Any) -> None:
        self._parts: WorkerParts = worker.app.conf.task_system_parts()
        self._leases = Leases(self._parts.database, worker=worker.hostname, lease_s=self._parts.lease_s)
        self._announcer = Announcer(self._parts.results, self._parts.events) if self._parts.results else None
        attempts_database = self._parts.attempts_database
        task_log = TaskLog(TaskLogs(attempts_database))
        logging.getLogger().addHandler(task_log)
        set_runtime(
            Runtime(
                registry=self._parts.registry,
                database=attempts_database,
                leases=Leases(attempts_database, worker=worker.hostname, lease_s=self._parts.lease_s),
                data_dir=self._parts.data_dir,
                filing=self._parts.filing,
                task_log=task_log,
                resources=self._parts.resources,
            )
        )
        super().__init__(worker, **_options)

    def start(self, worker: Any) -> None:
        """Pool processes are there; the consumer is not yet."""
        self._recorder = BatchRecorder(self._leases, lambda *batch: foreman.settled(*batch), lambda: foreman.starving())  # noqa: PLW0108 - each needs the other
        self._returner = Returner(self._parts.park, lambda runs: foreman.parked(runs))  # noqa: PLW0108 - as above
        foreman = worker.foreman = Foreman(
            pool=worker.pool,
            slots=worker.concurrency,
            registry=self._parts.registry,
            recorder=self._recorder,
            listener=Telling(worker, self._announcer, self._parts.events),
            events=self._parts.events,
            soon=Soon(worker.hub) if worker.use_eventloop else at_once,
            tell=getattr(worker.pool, "tell", _tell_process),
            keeps=self._parts.admission.keeps,
            give_back=self._returner.take,
        )
        self._heartbeat = Heartbeat(
            self._leases,
            self._parts.workers,
            _identity(worker, self._parts.version),
            every_s=self._parts.heartbeat_s,
            leases_now=foreman.leases,
            perhaps_now=foreman.perhaps_leases,
            reserved_now=foreman.reserved,
            on_cancel=foreman.cancel,
            on_lost=foreman.abandon,
            each_time=foreman.hand_back_late,
        )
        self._listening = self._listening_of(worker)
        for part in (self._recorder, self._returner, self._announcer, self._heartbeat, self._listening):
            if part:
                part.start()
        self._parts.admission.start()
        if worker.use_eventloop:
            # The pool itself looks every five seconds, and a dead process is buried in two looks.
            worker.hub.call_repeatedly(BURY_EVERY_S, worker.pool.maintain_pool)
            # Celery's own forgets what no process has begun, for the broker to deliver again; ours is acknowledged.
            worker.pool.flush = partial(_finish_writing, worker.pool)

    def _listening_of(self, worker: Any) -> Listening | None:
        if self._parts.looks is None:
            return None
        return Listening(
            self._parts.looks,
            queues=lambda: consumed(worker.consumer),
            holding=worker.foreman.holding,
            received=worker.foreman.received,
            begin_anew=lambda: hang_up(worker.consumer),
        )

    def stop(self, worker: Any) -> None:
        """The consumer has stopped: finish within the grace, hand back the rest, uncharged."""
        self._stop_fetching(worker)
        self._wait(worker, self._parts.grace_s)
        self._leave(worker)

    def terminate(self, worker: Any) -> None:
        """Hand everything back at once."""
        self._stop_fetching(worker)
        self._leave(worker)

    def _stop_fetching(self, worker: Any) -> None:
        if self._listening:
            self._listening.stop()
        worker.foreman.stop_fetching()

    def _leave(self, worker: Any) -> None:
        worker.foreman.hand_back()
        self._wait(worker, LAST_WRITES_S)
        self._recorder.stop(LAST_WRITES_S)
        self._returner.stop(LAST_WRITES_S)
        if self._announcer:
            self._announcer.stop(LAST_WRITES_S)
        self._heartbeat.stop()

    def _wait(self, worker: Any, timeout_s: float) -> None:
        """Until all is recorded, with the event loop, which has stopped, turned by hand."""
        idle = worker.foreman.idle
        if not worker.use_eventloop:
            idle.wait(timeout_s)
            return
        deadline = time.monotonic() + timeout_s
        loop = worker.hub.create_loop()
        while not idle.is_set() and time.monotonic() < deadline:
            try:
                next(loop)
            except Exception as error:  # noqa: BLE001 - see below
                # The broker may go away while we wait for tasks; they need only the pool and the store.
                _log.debug("while stopping: %r", error)
                time.sleep(0.05)
                loop = worker.hub.create_loop()


def _identity(worker: Any, version: str) -> Identity:
    queues = worker.app.amqp.queues.consume_from
    return Identity(
        name=worker.hostname,
        role="worker",
        host=socket.gethostname(),
        pid=os.getpid(),
        version=version,
        pool="threads" if hasattr(worker.pool, "tell") else "prefork",
        slots=worker.concurrency,
        prefetch=worker.concurrency * worker.prefetch_multiplier,
        lanes=tuple(sorted({lane_of(queue) for queue in queues})),
    )


def _finish_writing(pool: Any) -> None:
    """Finish what is half written to a pool process: a lost connection resets the event loop that did it."""
    unfinished = pool._pool._active_writers  # noqa: SLF001 - Celery's own `flush` is a method of that class
    while unfinished:
        for writer in list(unfinished):
            try:
                next(writer)
            except (StopIteration, OSError):
                unfinished.discard(writer)
        time.sleep(0.01)


def _tell_process(pid: int) -> None:
    os.kill(pid, signal.SIGUSR1)
