"""The catalogue of task types, and the worker's door: what `celery -A tasks` looks for.

Types first: importing a module registers what it declares. Add yours here, or name their modules in TASK_MODULES.
"""

from typing import TYPE_CHECKING

from task_system.task_types import data_processing, email_sending, file_processing, http_request, image_processing

if TYPE_CHECKING:
    from celery import Celery

__all__ = ["app", "data_processing", "email_sending", "file_processing", "http_request", "image_processing"]

app: "Celery"


def __getattr__(name: str) -> "Celery":
    # The HTTP process wants the types and no Celery app, so it is made when `celery` asks for it.
    if name == "app":
        from task_system.wiring.worker import create_celery  # noqa: PLC0415 - see above

        return create_celery()
    raise AttributeError(name)
