"""/: what this service is."""

from flask import Blueprint, Response

from task_system.api.http import answer
from task_system.api.services import services

bp = Blueprint("root", __name__)


@bp.get("/")
def index() -> Response:
    """The service, its version, and where to go."""
    return answer(
        {
            "service": "task-system",
            "version": services().version,
            "description": "Hand background work over by HTTP; it gets done.",
            "links": {
                "submit": "/api/tasks",
                "task_types": "/api/task-types",
                "schedules": "/api/schedules",
                "live": "/api/health/live",
                "ready": "/api/health/ready",
                **services().links,
            },
        }
    )
