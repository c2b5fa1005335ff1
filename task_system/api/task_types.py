"""/api/task-types: what can be submitted."""

from typing import Any

from flask import Blueprint, Response

from task_system.api.describing import described
from task_system.api.http import answer
from task_system.api.queue_controls import control_view
from task_system.api.services import services
from task_system.api.shapes.running import TaskTypes
from task_system.registry import TaskType
from task_system.store.controls import TypeControl

bp = Blueprint("task_types", __name__, url_prefix="/api/task-types")


@bp.get("")
@described(answers={200: TaskTypes})
def index() -> Response:
    """Every registered type, with the schema of its parameters and an example that validates."""
    controls = services().controls.types()
    return answer({"task_types": [_view(task_type, controls.get(task_type.name)) for task_type in services().registry]})


def _view(task_type: TaskType, control: TypeControl | None) -> dict[str, Any]:
    retry = task_type.retry
    return {
        "name": task_type.name,
        "description": task_type.description,
        "lane": task_type.lane,
        "control": control_view(control),
        "parameters_schema": task_type.parameters.model_json_schema(),
        "result_schema": task_type.result.json_schema(mode="serialization"),
        "retry_policy": {
            "max_attempts": retry.max_attempts,
            "base_s": retry.base_s,
            "cap_s": retry.cap_s,
            "jitter": retry.jitter,
            "not_for": [error.__name__ for error in retry.not_for],
        },
        "timeout_s": task_type.timeout_s,
        "cancel_grace_s": task_type.cancel_grace_s,
        "example": {"task_type": task_type.name, "parameters": task_type.example},
    }
