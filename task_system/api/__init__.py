"""The HTTP face. Thin: parse, call one use case, shape the answer. One file per resource, errors in one place.

Handlers know `dispatch`, `store` and `registry` through `Services`; they never see SQL, RabbitMQ or settings.
"""

from task_system.api.app import create_flask
from task_system.api.services import Services

__all__ = ["Services", "create_flask"]
