"""`taskq keeper`: looks after what waits."""

import logging
import signal

import click

from task_system.cli.common import configured_for, stop
from task_system.wiring.keeper import create_keeper

_log = logging.getLogger(__name__)


@click.command()
def keeper() -> None:
    """Look after what waits: delays, retries, lost workers, lost messages, retention."""
    settings = configured_for("taskq keeper")
    keeper, publisher = create_keeper(settings)
    signal.signal(signal.SIGTERM, stop)
    keeper.start()
    _log.info("the keeper is at work")
    try:
        signal.pause()
    except (KeyboardInterrupt, SystemExit):
        pass
    finally:
        keeper.stop()
        publisher.stop()
