"""The HTTP process."""

import ctypes
import gc
import signal
import socket
import sys
import threading
from collections.abc import Callable
from multiprocessing.util import Finalize
from typing import cast
from uuid import UUID

from flask import Flask

from task_system import dashboard
from task_system.api import Services, create_flask
from task_system.api.broadcast import Broadcast
from task_system.api.checks import checks
from task_system.api.ends import Ends
from task_system.api.kept import Kept
from task_system.api.lines import TIMES_AS_LARGE, Room
from task_system.dispatch.debounce import SubmitLatest
from task_system.dispatch.once import SubmitOnce
from task_system.settings import Settings
from task_system.store.balance import Balances
from task_system.store.debouncing import Debouncing
from task_system.store.event_log import EventLog
from task_system.store.failures import Failures
from task_system.store.figures import Figures
from task_system.store.finding import Finding
from task_system.store.idempotency import Idempotency
from task_system.store.looking import Looking
from task_system.store.statistics import Statistics
from task_system.store.task_logs import TaskLogs
from task_system.wiring.one_cpu import stay_on_one_cpu
from task_system.wiring.parts import VERSION, Parts

#: How long a thread may keep the others from running, in seconds. Requests are shorter than Python's own 5 ms, and its
#: waiting threads wake up that often only to find so.
SWITCH_S = 0.02
#: Objects made before the collector looks for cycles among the young ones; requests leave none.
COLLECT_AFTER = 20_000


def create_app(settings: Settings | None = None) -> Flask:
    """The HTTP process's app. What it accepted is published when the process ends in order."""
    parts = Parts(settings or Settings())
    app = assemble(parts)
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 50)
    _give_back_memory()
    return app


def _give_back_memory() -> None:
    """Return to the system what loading left free: 10 MB where modules had to be compiled first. glibc's alone."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)


def create_served_app() -> Flask:
    """The app in a process of `taskq web`, whose server waits for streams: they end when the process is asked to."""
    stay_on_one_cpu()
    app = create_app()
    when_asked_to_end(cast("Services", app.extensions["task_system"]).broadcast.stop)
    return app


def when_asked_to_end(act: Callable[[], None]) -> None:
    """Call this in a thread of its own at SIGINT or SIGTERM, beside whoever handles them."""
    told, tell = socket.socketpair()
    tell.setblocking(False)
    signal.set_wakeup_fd(tell.detach(), warn_on_full_buffer=False)

    def wait() -> None:
        while told.recv(1)[0] not in {signal.SIGINT, signal.SIGTERM}:
            pass
        act()
        # A terminal tells the whole group, and the server its processes again: somebody is to read that.
        while told.recv(1):
            pass

    threading.Thread(target=wait, name="end", daemon=True).start()


def assemble(parts: Parts) -> Flask:
    """The app over these parts."""
    settings, services = parts.settings, _services(parts)
    app = create_flask(
        services,
        allowed_hosts=(settings.host, *settings.allowed_hosts),
        cors_origins=settings.cors_origins,
        max_body_bytes=settings.max_body_bytes,
    )
    app.register_blueprint(dashboard.bp)
    # A server's worker is a multiprocessing child, which runs these and no `atexit`.
    Finalize(None, parts.dispatcher.stop, exitpriority=10)
    return app


def _services(parts: Parts) -> Services:
    return Services(
        dispatcher=parts.dispatcher,
        actions=parts.actions,
        latest=SubmitLatest(parts.dispatcher, Debouncing(parts.database), parts.events),
        once=SubmitOnce(parts.dispatcher, Idempotency(parts.database), parts.reading, parts.events),
        bulks=parts.bulks,
        batches=parts.batches,
        room_for_lines=Room(TIMES_AS_LARGE * parts.settings.max_body_bytes),
        reading=parts.reading,
        finding=Finding(parts.database),
        failures=Failures(parts.database),
        looking=Looking(parts.database),
        workers=parts.workers,
        statistics=Statistics(parts.database),
        kept=Kept(),
        figures=Figures(parts.database),
        balances=Balances(parts.database),
        alive_s=parts.settings.lease_s,
        looks=parts.inspector.looks,
        ends=Ends(parts.reading, most=max(1, parts.settings.web_threads // 4)),
        broadcast=Broadcast(EventLog(parts.database), most=max(1, parts.settings.web_threads // 4)),
        registry=parts.registry,
        schedules=parts.schedules,
        task_logs=TaskLogs(parts.database),
        controls=parts.controls,
        filing=parts.filing(parts.database),
        tell=parts.tell,
        finished_copy=parts.results.view if parts.results else _no_copy,
        checks=checks(
            database=parts.database,
            inspector=parts.inspector,
            results=parts.results,
            workers=parts.workers,
            lanes={task_type.lane for task_type in parts.registry},
            alive_s=parts.settings.lease_s,
        ),
        version=VERSION,
        environment=parts.settings.environment_name,
        links=_links(parts.settings),
        page=dashboard.shell,
    )


def _links(settings: Settings) -> dict[str, str]:
    """The pages of others that the settings name."""
    pages = {"flower": settings.flower_url, "rabbitmq": settings.rabbitmq_page_url}
    return {name: url for name, url in pages.items() if url}


def _no_copy(_task_id: UUID) -> bytes | None:
    return None
