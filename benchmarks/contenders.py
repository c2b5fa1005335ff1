"""Who is measured: a table of command lines, and what each needs in its environment."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

WEB_THREADS = 8
"""gunicorn threads of the peer: the fastest of 4, 8, 16, 32 and 64 where this was tried."""

SLOTS = 2
"""Concurrency of every worker."""

PREFETCH = 64
"""Messages that a worker of no-op tasks may hold ahead."""


@dataclass(frozen=True)
class Contender:
    """One program under measurement; `{port}` in its command becomes the port it is given."""

    title: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    #: Answers 200 once the program can be used; programs without HTTP have none.
    health: str = ""
    #: Where its submissions wait.
    queue: str = ""


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)


def _service(*arguments: str) -> tuple[str, ...]:
    return _python("task_system", *arguments)


def _gunicorn(app: str) -> tuple[str, ...]:
    threads = str(WEB_THREADS)
    return _python(
        "gunicorn", "--worker-class=gthread", "--workers=1", "--threads", threads, "--bind=127.0.0.1:{port}", app
    )


def _granian(app: str, threads: int) -> tuple[str, ...]:
    options = ("--interface=wsgi", "--workers=1", "--no-ws", "--log-level=error", "--host=127.0.0.1", "--port={port}")
    return _python("granian", *options, f"--blocking-threads={threads}", f"--backpressure={4 * threads}", app)


def _celery_worker() -> tuple[str, ...]:
    quiet = ("--without-gossip", "--without-mingle", "--loglevel=WARNING")
    return _python(
        "celery", "--app=benchmarks.plain.tasks", "worker", "--pool=prefork", f"--concurrency={SLOTS}", *quiet
    )


_OURS = {"TASK_MODULES": "benchmarks.task_types", "HOST": "127.0.0.1", "LOG_LEVEL": "WARNING"}
_POOL = {"PLAIN_POOL_LIMIT": str(WEB_THREADS)}

MIGRATE = Contender("migrations", _service("migrate"), _OURS)
KEEPER = Contender("keeper", _service("keeper"), _OURS)

SERVICE_WEB = Contender("this service", _service("web"), _OURS, health="/api/health/live", queue="default.normal")
SERVICE_EMBEDDED = Contender("this service, embedded", _service("run"), _OURS, health="/api/health/live")
SERVICE_WORKER = Contender(
    "this service",
    _service("worker", "default"),
    # As many messages ahead as the peer has: both are told that tasks are very short.
    {
        **_OURS,
        "WORKER_POOL": "prefork",
        "WORKER_CONCURRENCY": str(SLOTS),
        "WORKER_EVENTS": "0",
        "WORKER_PREFETCH": str(PREFETCH // SLOTS),
    },
)

PLAIN_WEB = Contender("plain", _gunicorn("benchmarks.plain.app:app"), _POOL, health="/health", queue="plain")
PLAIN_WEB_UNCONFIRMED = Contender(
    "plain, without confirms",
    _gunicorn("benchmarks.plain.app:app"),
    {**_POOL, "PLAIN_CONFIRM": "0"},
    health="/health",
    queue="plain",
)
PLAIN_WEB_GRANIAN = Contender(
    "plain, under Granian", _granian("benchmarks.plain.app:app", WEB_THREADS), _POOL, health="/health", queue="plain"
)
PLAIN_WORKER = Contender("plain", _celery_worker(), {"PLAIN_PREFETCH": str(PREFETCH)})
PLAIN_WORKER_LATE = Contender(
    "plain, late acks", _celery_worker(), {"PLAIN_PREFETCH": str(PREFETCH), "PLAIN_ACKS_LATE": "1"}
)

NOOP_WEB = Contender("no-op POST", _granian("benchmarks.plain.noop:app", 64), health="/health")
