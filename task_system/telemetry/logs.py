"""Logs: one event a line, for people on a terminal and JSON elsewhere."""

import logging
import sys
from typing import Any

from pythonjsonlogger.orjson import OrjsonFormatter

#: Events worth a line in ordinary times, and how loud. The others happen for every task, or hardly matter.
_LEVELS = {
    "task.dispatch_failed": logging.WARNING,
    "task.zombie": logging.WARNING,
    "worker.child_lost": logging.WARNING,
    "keeper.rescued": logging.WARNING,
    "keeper.reconciled": logging.WARNING,
    "keeper.dead_letter": logging.WARNING,
    "keeper.schedule_paused": logging.WARNING,
    "results.available": logging.INFO,
    "keeper.pruned": logging.INFO,
}
_log = logging.getLogger("task_system.events")


class TextFormatter(logging.Formatter):
    """A line for people; what an event knows follows its name."""

    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-8s %(message)s  [%(name)s]")

    def format(self, record: logging.LogRecord) -> str:
        facts = getattr(record, "facts", None)
        line = super().format(record)
        return f"{line} {' '.join(f'{name}={value}' for name, value in facts.items())}" if facts else line


def configure(level: str, form: str) -> None:
    """Send all logging to standard error. form: text, json, or auto."""
    terminal = form == "text" or (form == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if terminal else _json())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These tell of every message and every connection, and the pool of every job with its parameters.
    for noisy in (
        "amqp",
        "kombu",
        "alembic",
        "celery.worker.strategy",
        "celery.app.trace",
        "celery.pool",
        "sqlalchemy",
    ):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    # Says at every start that `memory://` names no host.
    logging.getLogger("kombu.connection").setLevel(max(logging.ERROR, root.level))


def _json() -> OrjsonFormatter:
    return OrjsonFormatter(
        "{levelname}{name}{message}",
        style="{",
        timestamp=True,
        rename_fields={"levelname": "level", "name": "logger", "message": "event"},
    )


def subscriber(name: str, facts: dict[str, Any]) -> None:
    """Log the events that tell of trouble, and of its end."""
    level = _LEVELS.get(name)
    if level is not None:
        _log.log(level, name, extra={"facts": facts})
