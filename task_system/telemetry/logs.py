"""Logs: one event a line, for people on a terminal and JSON elsewhere."""

import logging
import logging.config
import sys
from typing import Any

import structlog
import structlog.tracebacks

#: Events worth a line in ordinary times, and how loud. The others happen for every task, or hardly matter.
_LEVELS = {
    "task.dispatch_failed": logging.WARNING,
    "task.zombie": logging.WARNING,
    "worker.child_lost": logging.WARNING,
    "keeper.rescued": logging.WARNING,
    "keeper.reconciled": logging.WARNING,
    "keeper.dead_letter": logging.WARNING,
    "results.unavailable": logging.DEBUG,
    "results.available": logging.INFO,
    "keeper.pruned": logging.INFO,
}
_log = structlog.get_logger("task_system.events")


def configure(level: str, form: str) -> None:
    """Send all logging to standard error. form: text, json, or auto."""
    terminal = form == "text" or (form == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
    ]
    renderer: list[Any] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if terminal
        else [
            # Without local variables: tasks' parameters are among them.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ]
    )
    structlog.configure(
        processors=[*shared[:3], structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These tell of every message and every connection.
    for noisy in ("amqp", "kombu", "alembic", "celery.worker.strategy", "celery.app.trace", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))


def subscriber(name: str, facts: dict[str, Any]) -> None:
    """Log the events that tell of trouble, and of its end."""
    level = _LEVELS.get(name)
    if level is not None:
        _log.log(level, name, **facts)
