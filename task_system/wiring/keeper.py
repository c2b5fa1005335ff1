"""The keeper process."""

import os
import secrets
import socket

from task_system.dispatch.publisher import Publisher
from task_system.keeper import Keeper
from task_system.keeper.batch_closer import BatchCloser
from task_system.keeper.bookkeeper import Bookkeeper
from task_system.keeper.bulk_runner import BulkRunner
from task_system.keeper.dead_letters import DeadLetters
from task_system.keeper.expirer import Expirer
from task_system.keeper.keeper import Heartbeat
from task_system.keeper.leader import Leadership
from task_system.keeper.pruner import Pruner
from task_system.keeper.reconciler import Reconciler
from task_system.keeper.relay import Relay
from task_system.keeper.releaser import Releaser
from task_system.keeper.rescuer import Rescuer
from task_system.keeper.role import Role
from task_system.keeper.scheduler import Scheduler
from task_system.keeper.standstill import Standstill
from task_system.keeper.sweeper import Sweeper
from task_system.settings import Settings
from task_system.store.batches import BatchStore
from task_system.store.books import Books
from task_system.store.event_log import EventLog
from task_system.store.expiry import Expiry
from task_system.store.finding import Finding
from task_system.store.idempotency import Idempotency
from task_system.store.schedules import Schedules
from task_system.store.upkeep import Upkeep
from task_system.store.workers import Identity
from task_system.task_types.email_sending.outbox import OUTBOX
from task_system.wiring.parts import VERSION, Parts


def create_keeper(settings: Settings) -> tuple[Keeper, Publisher]:
    """A keeper, and the publisher that is to be stopped after it."""
    parts = Parts(settings)
    return keeper_of(parts), parts.publisher


def keeper_of(parts: Parts) -> Keeper:
    """A keeper of all roles over these parts."""
    name = f"keeper.{secrets.token_hex(3)}@{socket.gethostname()}"
    identity = Identity(name=name, role="keeper", host=socket.gethostname(), pid=os.getpid(), version=VERSION)
    settings, events = parts.settings, parts.events
    # What the keeper ends stays ended, so its commits wait for the disk.
    upkeep = Upkeep(parts.database)
    standstill = Standstill(
        # What is left of a lease when its next heartbeat is due, with a margin.
        matters_s=max(0.0, settings.lease_s - settings.heartbeat_s) / 2,
        patience_s=2 * settings.heartbeat_s,
    )
    roles: list[Role] = [
        Heartbeat(parts.workers, identity, every_s=settings.heartbeat_s),
        Relay(upkeep, parts.publisher, parts.admission, parts.controls, events),
        Releaser(parts.controls, events),
        Expirer(Expiry(parts.database), parts.tell, events),
        standstill,
        Rescuer(upkeep, standstill, parts.tell, events),
        Scheduler(parts.schedules, parts.dispatcher, tuple(parts.registry.schedules.values()), parts.tell, events),
        BatchCloser(
            BatchStore(parts.database), parts.batches.callback_of, events, keep_s=settings.retention_days * 86_400
        ),
        BulkRunner(
            bulks=parts.bulks,
            finding=Finding(parts.background_database),
            dispatcher=parts.dispatcher,
            tell=parts.tell,
            forget=parts.forget,
            events=events,
        ),
        Reconciler(
            upkeep,
            parts.workers,
            Leadership(upkeep, "reconciler", name),
            parts.inspector.depth,
            events,
            unheld_s=2.5 * settings.heartbeat_s,
        ),
        Bookkeeper(
            Books(parts.background_database),
            Leadership(upkeep, "bookkeeper", name),
        ),
        DeadLetters(upkeep, parts.inspector.dead_letters, parts.tell, events),
        Pruner(
            upkeep=upkeep,
            idempotency=Idempotency(parts.background_database),
            event_log=EventLog(parts.background_database),
            schedules=Schedules(parts.background_database),
            workers=parts.workers,
            leadership=Leadership(upkeep, "pruner", name),
            events=events,
            retention_s=settings.retention_days * 86_400,
        ),
        Sweeper(
            filing=parts.filing(parts.background_database),
            reading=parts.reading,
            notes=settings.data_dir.resolve() / OUTBOX,
            leadership=Leadership(upkeep, "sweeper", name),
            events=events,
        ),
    ]
    return Keeper(roles, upkeep, parts.workers, identity, events)
