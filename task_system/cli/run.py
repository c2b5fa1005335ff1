"""`taskq run`: everything in one process."""

import logging
import signal

import click
from waitress import create_server
from waitress.server import WSGIServer

from task_system.api.batches import TIMES_AS_LARGE
from task_system.api.receiving import AROUND_BYTES
from task_system.cli.bounded import bounded_channel
from task_system.cli.common import configured, listener_of, stop
from task_system.model.errors import ConfigurationError
from task_system.settings import Settings
from task_system.wiring.embedded import Embedded
from task_system.wiring.parts import VERSION


@click.command()
def run() -> None:
    """Run everything in this process, with nothing to install: SQLite, an in-memory broker, no Redis."""
    settings = configured()
    if not settings.embedded:
        raise ConfigurationError(
            "`taskq run` is the embedded service; unset BROKER_URL, or run the processes one by one."
        )
    # That a broker in this process can be reached is no news.
    logging.getLogger("celery.worker.consumer.connection").setLevel(logging.WARNING)
    listener = listener_of(settings)
    service = Embedded(settings)
    app = service.start()
    max_body_bytes = TIMES_AS_LARGE * settings.max_body_bytes
    WSGIServer.channel_class = bounded_channel(
        max_body_bytes, max(max_body_bytes, settings.max_file_bytes + AROUND_BYTES)
    )
    server = create_server(
        app,
        sockets=[listener],
        threads=settings.web_threads,
        ident="task-system",
    )

    def leave(number: int, frame: object) -> None:
        service.end_streams()
        stop(number, frame)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    click.echo(_welcome(settings, server.effective_port))
    try:
        server.run()
    finally:
        click.echo("\nStopping: running tasks finish, the others wait for the next start.")
        server.close()
        service.stop()


def _welcome(settings: Settings, port: int) -> str:
    address = f"http://{settings.host}:{port}"
    return f"""
  Task System {VERSION} answers on {address}
  Data is in {settings.data_dir.resolve()}

  Submit a first task:

    curl -s {address}/api/tasks -H 'Content-Type: application/json' \\
      -d '{{"task_type": "data_processing", "parameters": {{"data": "test data"}}}}'

  Ctrl-C stops it; accepted tasks are kept.
"""
