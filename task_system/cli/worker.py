"""`taskq worker`: runs tasks."""

import secrets
import socket
import sys

import click

from task_system.cli.common import configured_for
from task_system.model.routing import LANES, queues_of
from task_system.wiring.worker import create_celery
from task_system.worker.celery_app import run_worker


@click.command()
@click.argument("lanes", nargs=-1, required=True, type=click.Choice(LANES))
def worker(lanes: tuple[str, ...]) -> None:
    """Run tasks of these LANES."""
    settings = configured_for("taskq worker")
    # Unique for each start: a control queue of a dead namesake may still be locked.
    name = f"{'+'.join(lanes)}.{secrets.token_hex(3)}@{socket.gethostname()}"
    arguments = ["worker", "--hostname", name, "--queues", ",".join(queues_of(lanes)), "--loglevel", settings.log_level]
    # A supervisor is to see that it ended by an error.
    sys.exit(run_worker(create_celery(settings), [*arguments, "--without-gossip", "--without-mingle"]))
