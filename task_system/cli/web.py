"""`taskq web`: the API."""

import logging
import resource

import click
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server as Granian

from task_system.cli.common import configured_for, listener_of

#: What the server says goes where all else goes.
_LOGGING = {"handlers": {}, "loggers": {"_granian": {"propagate": True}}}

#: Connections beyond this wait in the kernel, idle ones and silent ones counted: few of those must not keep out others.
_CONNECTIONS = 1024
#: How long requests that are being answered may go on after the end was asked for.
_GRACE_S = 30


@click.command()
def web() -> None:
    """Serve the API."""
    settings = configured_for("taskq web")
    listener_of(settings).close()
    logging.getLogger("_granian").addFilter(_is_news)
    Granian(
        "task_system.wiring.web:create_served_app",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.web_workers,
        blocking_threads=settings.web_threads,
        backpressure=max(settings.web_threads * 4, min(_CONNECTIONS, _most_descriptors() // 2)),
        websockets=False,
        log_access=False,
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
        respawn_failed_workers=True,
        # One that is asked to stop while it starts does not hear it.
        workers_kill_timeout=_GRACE_S,
    ).serve()


def _most_descriptors() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _is_news(record: logging.LogRecord) -> bool:
    """Not the advice to have fewer threads: ours wait for the database or hold a stream."""
    return "seems quite high" not in record.getMessage()
