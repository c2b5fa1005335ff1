"""/: what this service is."""

from flask import Blueprint, Response, request

from task_system.api.describing import described
from task_system.api.http import answer
from task_system.api.services import services
from task_system.api.shapes.running import Service

bp = Blueprint("root", __name__)


@bp.get("/")
@described(answers={200: Service}, uses_store=False)
def index() -> Response:
    """The service, its version, and where to go. Browsers are shown the dashboard."""
    page = services().page
    if page and request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html":
        return page()
    return answer(
        {
            "service": "task-system",
            "version": services().version,
            "environment": services().environment,
            "description": "Hand background work over by HTTP; it gets done.",
            "links": {
                "submit": "/api/tasks",
                "task_types": "/api/task-types",
                "batches": "/api/batches",
                "bulk": "/api/bulk",
                "schedules": "/api/schedules",
                "files": "/api/files",
                "failures": "/api/failures",
                "queues": "/api/queues",
                "workers": "/api/workers",
                "stats": "/api/stats",
                "ledger": "/api/ledger",
                "events": "/api/events",
                "live": "/api/health/live",
                "ready": "/api/health/ready",
                "docs": "/api/docs",
                "openapi": "/api/openapi.json",
                **services().links,
            },
        },
        Vary="Accept",
    )
