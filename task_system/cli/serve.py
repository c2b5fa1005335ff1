"""The commands that run the service: all of it in one process, or each of its processes."""

import logging
import secrets
import signal
import socket

import click
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server as Granian
from waitress import create_server
from waitress.channel import HTTPChannel

from task_system.broker import policies
from task_system.cli.refusals import ProblemTask
from task_system.model.errors import ConfigurationError
from task_system.model.routing import LANES, queues_of
from task_system.settings import Settings
from task_system.store import Database
from task_system.store.migrate import upgrade
from task_system.telemetry import logs
from task_system.wiring import VERSION, Embedded, create_celery, create_keeper

_log = logging.getLogger(__name__)


def _settings() -> Settings:
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format)
    return settings


def _refuse_embedded(settings: Settings, command: str) -> None:
    if settings.embedded:
        raise ConfigurationError(
            f"`{command}` runs one of several processes, which need a broker between them: set BROKER_URL to amqp://…, "
            "or run everything in one process with `taskq run`."
        )


@click.command()
def run() -> None:
    """Run everything in this process, with nothing to install: SQLite, an in-memory broker, no Redis."""
    settings = _settings()
    if not settings.embedded:
        raise ConfigurationError(
            "`taskq run` is the embedded service; unset BROKER_URL, or run the processes one by one."
        )
    service = Embedded(settings)
    app = service.start()
    HTTPChannel.error_task_class = ProblemTask
    server = create_server(
        app,
        host=settings.host,
        port=settings.port,
        threads=settings.web_threads,
        max_request_body_size=settings.max_body_bytes,
        ident="task-system",
    )
    signal.signal(signal.SIGTERM, _stop)
    click.echo(_welcome(settings, server.effective_port))
    try:
        server.run()
    finally:
        click.echo("\nStopping: running tasks finish, the others wait for the next start.")
        server.close()
        service.stop()


def _stop(_number: int, _frame: object) -> None:
    raise SystemExit(0)


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


@click.command()
def web() -> None:
    """Serve the API."""
    settings = _settings()
    _refuse_embedded(settings, "taskq web")
    Granian(
        "task_system.wiring:create_app",
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


@click.command()
@click.argument("lanes", nargs=-1, required=True, type=click.Choice(LANES))
def worker(lanes: tuple[str, ...]) -> None:
    """Run tasks of these LANES."""
    settings = _settings()
    _refuse_embedded(settings, "taskq worker")
    # Unique for each start: a control queue of a dead namesake may still be locked.
    name = f"{'+'.join(lanes)}.{secrets.token_hex(3)}@{socket.gethostname()}"
    arguments = ["worker", "--hostname", name, "--queues", ",".join(queues_of(lanes)), "--loglevel", settings.log_level]
    create_celery(settings).worker_main([*arguments, "--without-gossip", "--without-mingle"])


@click.command()
def keeper() -> None:
    """Look after what waits: delays, retries, lost workers, lost messages, retention."""
    settings = _settings()
    _refuse_embedded(settings, "taskq keeper")
    keeper, publisher = create_keeper(settings)
    signal.signal(signal.SIGTERM, _stop)
    keeper.start()
    _log.info("the keeper is at work")
    try:
        signal.pause()
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        keeper.stop()
        publisher.stop()


@click.command()
def migrate() -> None:
    """Bring database and broker to what this version needs. Harmless when they are there already."""
    settings = _settings()
    upgrade(Database(settings.database))
    click.echo("database: up to date")
    if settings.embedded:
        return
    management_url = settings.rabbitmq_management_url.get_secret_value()
    if management_url:
        policies.apply(management_url, settings.broker)
        click.echo("RabbitMQ policies: set")
    else:
        command = policies.command(settings.broker)
        click.echo(f"RabbitMQ policies: set RABBITMQ_MANAGEMENT_URL, or run once\n  {command}")
