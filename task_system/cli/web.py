"""`taskq web`: the API."""

import click
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server as Granian

from task_system.cli.common import configured_for


@click.command()
def web() -> None:
    """Serve the API."""
    settings = configured_for("taskq web")
    Granian(
        "task_system.wiring.web:create_app",
        factory=True,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.web_workers,
        blocking_threads=settings.web_threads,
        # Requests beyond this wait in the kernel, not in memory.
        backpressure=settings.web_threads * 4,
        websockets=False,
        log_access=False,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
    ).serve()
