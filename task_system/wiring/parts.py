"""The parts that several processes share, each made when first asked for."""

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from uuid import UUID

from task_system.broker.amqp_link import AmqpLink
from task_system.broker.inspection import Inspector
from task_system.broker.link import Link
from task_system.broker.memory_link import MemoryLink
from task_system.broker.results import Results
from task_system.dispatch.actions import Actions
from task_system.dispatch.admission import Admission
from task_system.dispatch.batches import Batches
from task_system.dispatch.committer import Committer
from task_system.dispatch.file_check import FileCheck
from task_system.dispatch.filing import Filing
from task_system.dispatch.publisher import Publisher
from task_system.dispatch.submit import Dispatcher
from task_system.files import Blobs
from task_system.model.events import Events
from task_system.model.task import Dispatch, Settled
from task_system.registry import Registry
from task_system.settings import Settings
from task_system.store import Database
from task_system.store.acting import Acting
from task_system.store.batches import BatchStore
from task_system.store.bulk import Bulks
from task_system.store.controls import Controls
from task_system.store.files import Files
from task_system.store.reading import Reading
from task_system.store.schedules import Schedules
from task_system.store.submissions import Submissions
from task_system.store.upkeep import Upkeep
from task_system.store.workers import Workers
from task_system.telemetry import logs
from task_system.telemetry.heartbeat_file import HeartbeatFile
from task_system.wiring.catalogue import load_task_types
from task_system.wiring.files import blobs_of

VERSION = version("task-system")


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
        """For what a power cut may take, because it is said again: confirms, heartbeats, progress, figures.

        Claims and outcomes go through it, too, and wait for the disk all the same (`store/leases.py`).
        """
        return Database(self.settings.database, durable=False, connections=6)

    @cached_property
    def upkeep(self) -> Upkeep:
        """What the publisher asks of the store."""
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

    def tell(self, settled: Sequence[Settled]) -> None:
        """Those who wait in Redis for tasks that no worker ended."""
        if self.results:
            self.results.tell(settled)

    @cached_property
    def actions(self) -> Actions:
        """What callers may do to tasks."""
        return Actions(
            acting=Acting(self.database),
            reading=self.reading,
            dispatcher=self.dispatcher,
            tell=self.tell,
            forget=self.forget,
            events=self.events,
        )

    @cached_property
    def reading(self) -> Reading:
        """What everybody may ask."""
        return Reading(self.database)

    @cached_property
    def workers(self) -> Workers:
        """Who is alive."""
        settings = self.settings
        if not settings.heartbeat_file:
            return Workers(self.background_database)
        return Workers(self.background_database, HeartbeatFile(Path(settings.heartbeat_file), settings.lease_s).touch)

    @cached_property
    def schedules(self) -> Schedules:
        """Rules that submit tasks."""
        return Schedules(self.database)

    @cached_property
    def batches(self) -> Batches:
        """Many tasks at once."""
        return Batches(self.dispatcher, BatchStore(self.database), self.events)

    @cached_property
    def bulks(self) -> Bulks:
        """Acts on many tasks."""
        return Bulks(self.database)

    @cached_property
    def blobs(self) -> Blobs:
        """Where files are."""
        return blobs_of(self.settings)

    def filing(self, database: Database) -> Filing:
        """Files, with their rows in that database."""
        settings = self.settings
        keep_s = settings.file_retention_days * 86_400
        return Filing(self.blobs, Files(database), max_bytes=settings.max_file_bytes, keep_s=keep_s)

    @cached_property
    def registry(self) -> Registry:
        """Every task type."""
        return load_task_types(self.settings)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """The way in."""
        committer = Committer(Submissions(self.database), self.events, self._publish)
        files = FileCheck(Files(self.database).missing)
        return Dispatcher(self.registry, committer, self.publisher, self.admission, files)

    @cached_property
    def controls(self) -> Controls:
        """What operators close."""
        return Controls(self.database)

    @cached_property
    def admission(self) -> Admission:
        """Whether a task may start now."""
        return Admission(Controls(self.background_database).closed)

    @cached_property
    def inspector(self) -> Inspector:
        """Looks into the broker."""
        return Inspector(self.settings.broker)

    def _publish(self, dispatches: Sequence[Dispatch]) -> None:
        self.publisher.publish(self.admission.admit(dispatches))

    def forget(self, task_ids: Sequence[UUID]) -> None:
        """Copies of tasks whose rows say more now, or are gone."""
        if self.results:
            self.results.forget(task_ids)

    def _open_link(self) -> Link:
        return MemoryLink(self.settings.broker) if self.settings.embedded else AmqpLink(self.settings.broker)
