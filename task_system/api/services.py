"""What handlers may use: made in `wiring`, kept on the Flask app."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from flask import Response, current_app

from task_system.api.broadcast import Broadcast
from task_system.api.checks import Check
from task_system.api.ends import Ends
from task_system.api.kept import Kept
from task_system.api.lines import Room
from task_system.dispatch.actions import Actions
from task_system.dispatch.batches import Batches
from task_system.dispatch.debounce import SubmitLatest
from task_system.dispatch.filing import Filing
from task_system.dispatch.once import SubmitOnce
from task_system.dispatch.submit import Dispatcher
from task_system.model.task import Settled
from task_system.registry import Registry
from task_system.store.balance import Balances
from task_system.store.bulk import Bulks
from task_system.store.controls import Controls
from task_system.store.failures import Failures
from task_system.store.figures import Figures
from task_system.store.finding import Finding
from task_system.store.looking import Looking
from task_system.store.reading import Reading
from task_system.store.schedules import Schedules
from task_system.store.statistics import Statistics
from task_system.store.task_logs import TaskLogs
from task_system.store.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One per process."""

    dispatcher: Dispatcher
    actions: Actions
    reading: Reading
    finding: Finding
    failures: Failures
    looking: Looking
    workers: Workers
    statistics: Statistics
    kept: Kept
    figures: Figures
    balances: Balances
    #: A process that was heard of within so many seconds is alive.
    alive_s: float
    #: Messages ready in each of these queues, and consumers where those are known, as the broker knows them.
    looks: Callable[[tuple[str, ...]], dict[str, tuple[int, int | None]]]
    ends: Ends
    broadcast: Broadcast
    batches: Batches
    room_for_lines: Room
    bulks: Bulks
    once: SubmitOnce
    latest: SubmitLatest
    registry: Registry
    schedules: Schedules
    task_logs: TaskLogs
    controls: Controls
    filing: Filing
    #: Told of tasks that are over without a worker, for those who wait for them elsewhere.
    tell: Callable[[Sequence[Settled]], None]
    #: The finished task as JSON, if Redis has it.
    finished_copy: Callable[[UUID], bytes | None]
    #: By name, in the order in which they are shown.
    checks: dict[str, Check]
    version: str
    environment: str
    #: Pages beside the API, by name: Flower, RabbitMQ's.
    links: dict[str, str]
    #: What a browser is shown at /.
    page: Callable[[], Response] | None = None


def services() -> Services:
    """Those of the app that answers this request."""
    return cast("Services", current_app.extensions["task_system"])
