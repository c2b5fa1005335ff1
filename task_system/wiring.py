"""The composition root: the only file that knows everybody. Processes differ in which `create_*` they call.

Nothing here connects to anything: connections are opened by whoever uses them first, after any fork.
"""

import importlib
import os
import secrets
import socket
from functools import cached_property
from importlib.metadata import version
from multiprocessing.util import Finalize
from urllib.parse import unquote, urlsplit
from uuid import UUID

from celery import Celery
from flask import Flask

from task_system.api import Services, create_flask
from task_system.api.checks import checks
from task_system.broker.amqp_link import AmqpLink
from task_system.broker.inspection import Inspector
from task_system.broker.link import Link
from task_system.broker.memory_link import MemoryLink
from task_system.broker.results import Results
from task_system.dispatch.committer import Committer
from task_system.dispatch.publisher import Publisher
from task_system.dispatch.submit import Dispatcher
from task_system.keeper import Keeper
from task_system.keeper.dead_letters import DeadLetters
from task_system.keeper.keeper import Heartbeat
from task_system.keeper.leader import Leadership
from task_system.keeper.pruner import Pruner
from task_system.keeper.reconciler import Reconciler
from task_system.keeper.relay import Relay
from task_system.keeper.rescuer import Rescuer
from task_system.keeper.role import Role
from task_system.model.errors import ConfigurationError
from task_system.model.events import Events
from task_system.registry import Registry, default_registry
from task_system.settings import Settings
from task_system.store import Database
from task_system.store.migrate import upgrade
from task_system.store.reading import Reading
from task_system.store.submissions import Submissions
from task_system.store.upkeep import Upkeep
from task_system.store.workers import Identity, Workers
from task_system.task_types.email_sending import Security, SmtpServer
from task_system.telemetry import logs
from task_system.worker.celery_app import WorkerParts, create_celery_app
from task_system.worker.embedded import EmbeddedWorker

VERSION = version("task-system")
#: The module of the service's own catalogue; `TASK_MODULES` names more.
CATALOGUE = "tasks"


def load_task_types(settings: Settings) -> Registry:
    """Import every module that registers task types."""
    for module in (CATALOGUE, *settings.task_modules):
        importlib.import_module(module)
    return default_registry


class Parts:
    """The parts of one process, each made when first asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def events(self) -> Events:
        """Where the core tells what happens."""
        return Events(logs.subscriber)

    @cached_property
    def database(self) -> Database:
        """For submissions and reading: a commit is on disk."""
        return Database(self.settings.database, connections=8)

    @cached_property
    def background_database(self) -> Database:
        """For what a power cut may take, because it is done again: claims, outcomes, confirms, upkeep."""
        return Database(self.settings.database, durable=False, connections=6)

    @cached_property
    def upkeep(self) -> Upkeep:
        """What the keeper and the publisher ask of the store."""
        return Upkeep(self.background_database)

    @cached_property
    def publisher(self) -> Publisher:
        """The process's one way to the broker."""
        return Publisher(self._open_link, self.upkeep, self.events)

    @cached_property
    def results(self) -> Results | None:
        """Redis, where it is configured."""
        url = self.settings.redis_url.get_secret_value()
        return Results(url, self.settings.result_expires_s) if url else None

    @cached_property
    def workers(self) -> Workers:
        """Who is alive."""
        return Workers(self.background_database)

    @cached_property
    def registry(self) -> Registry:
        """Every task type."""
        return load_task_types(self.settings)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """The way in."""
        return Dispatcher(self.registry, Committer(Submissions(self.database), self.events), self.publisher)

    @cached_property
    def inspector(self) -> Inspector:
        """Looks into the broker."""
        return Inspector(self.settings.broker)

    def _open_link(self) -> Link:
        return MemoryLink(self.settings.broker) if self.settings.embedded else AmqpLink(self.settings.broker)

    def services(self) -> Services:
        """What the API's handlers use."""
        return Services(
            dispatcher=self.dispatcher,
            reading=Reading(self.database),
            registry=self.registry,
            finished_copy=self.results.view if self.results else _no_copy,
            checks=checks(
                database=self.database,
                inspector=self.inspector,
                results=self.results,
                workers=self.workers,
                lanes={task_type.lane for task_type in self.registry},
                alive_s=self.settings.lease_s,
            ),
            version=VERSION,
            links={"flower": self.settings.flower_url} if self.settings.flower_url else {},
        )

    def worker(self) -> WorkerParts:
        """What a worker is made of."""
        settings = self.settings
        return WorkerParts(
            registry=self.registry,
            database=self.background_database,
            attempts_database=Database(settings.database, durable=False, connections=2),
            results=self.results,
            events=self.events,
            version=VERSION,
            data_dir=settings.data_dir.resolve(),
            lease_s=settings.lease_s,
            heartbeat_s=settings.heartbeat_s,
            grace_s=settings.worker_grace_s,
            resources=self._resources(),
        )

    def _resources(self) -> dict[type, object]:
        url = self.settings.smtp_url.get_secret_value()
        return {SmtpServer: _smtp_server(url, self.settings.smtp_sender)} if url else {}

    def keeper(self) -> Keeper:
        """All its roles."""
        name = f"keeper.{secrets.token_hex(3)}@{socket.gethostname()}"
        identity = Identity(name=name, role="keeper", host=socket.gethostname(), pid=os.getpid(), version=VERSION)
        settings, upkeep, events = self.settings, self.upkeep, self.events
        roles: list[Role] = [
            Heartbeat(self.workers, identity, every_s=settings.heartbeat_s),
            Relay(upkeep, self.publisher, events),
            Rescuer(upkeep, events),
            Reconciler(
                upkeep,
                self.workers,
                Leadership(upkeep, "reconciler", name),
                self.inspector.depth,
                events,
                unheld_s=2.5 * settings.heartbeat_s,
            ),
            DeadLetters(upkeep, self.inspector.dead_letters, events),
            Pruner(
                upkeep,
                self.workers,
                Leadership(upkeep, "pruner", name),
                events,
                retention_s=settings.retention_days * 86_400,
            ),
        ]
        return Keeper(roles, upkeep, self.workers, identity, events)


#: URL scheme: what it means for the connection, and the usual port.
_SMTP: dict[str, tuple[Security, int]] = {
    "smtp": ("none", 25),
    "smtp+starttls": ("starttls", 587),
    "smtps": ("tls", 465),
}


def _smtp_server(url: str, sender: str) -> SmtpServer:
    parts = urlsplit(url)
    if parts.scheme not in _SMTP or not parts.hostname:
        raise ConfigurationError(f"SMTP_URL must be {', '.join(f'{scheme}://host:port' for scheme in _SMTP)}.")
    security, port = _SMTP[parts.scheme]
    return SmtpServer(
        host=parts.hostname,
        port=parts.port or port,
        security=security,
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        sender=sender,
    )


def _no_copy(_task_id: UUID) -> bytes | None:
    return None


def create_app(settings: Settings | None = None) -> Flask:
    """The HTTP process's app. What it accepted is published when the process ends in order."""
    return _app(Parts(settings or Settings()))


def _app(parts: Parts) -> Flask:
    app = create_flask(
        parts.services(), cors_origins=parts.settings.cors_origins, max_body_bytes=parts.settings.max_body_bytes
    )
    # A server's worker is a multiprocessing child, which runs these and no `atexit`.
    Finalize(None, parts.dispatcher.stop, exitpriority=10)
    return app


def create_celery(settings: Settings | None = None) -> Celery:
    """The Celery app of workers, Flower and `celery -A tasks`."""
    parts = Parts(settings or Settings())
    return create_celery_app("celeryconfig", parts.registry, parts.worker)


def create_keeper(settings: Settings) -> tuple[Keeper, Publisher]:
    """A keeper, and the publisher that it is to stop after it."""
    parts = Parts(settings)
    return parts.keeper(), parts.publisher


class Embedded:
    """The whole service in this process: API, worker threads, keeper; SQLite and an in-memory broker."""

    def __init__(self, settings: Settings) -> None:
        self._parts = Parts(settings)
        self._celery = create_celery_app("celeryconfig", self._parts.registry, self._parts.worker)
        self._worker = EmbeddedWorker(self._celery, slots=settings.worker_concurrency)
        self._keeper = self._parts.keeper()

    def start(self) -> Flask:
        """Bring the database up to date, start worker and keeper; answers the app to serve."""
        upgrade(self._parts.database)
        self._dispatch_anew()
        app = _app(self._parts)
        self._worker.start()
        self._keeper.start()
        return app

    def _dispatch_anew(self) -> None:
        """This process's broker is empty: what the last one's held is not lost and found by the reconciler first."""
        upkeep = self._parts.upkeep
        for queue in upkeep.published_queues(0.0):
            while upkeep.dispatch_anew(queue, 0.0, 1000):
                pass

    def stop(self) -> None:
        """Finish what runs within the grace, hand back the rest."""
        self._parts.dispatcher.stop()
        self._worker.stop(self._parts.settings.worker_grace_s)
        self._keeper.stop()
        self._parts.database.close()
        self._parts.background_database.close()
