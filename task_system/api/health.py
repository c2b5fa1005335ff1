"""/api/health: is the process alive, and can the service do its work?"""

from flask import Blueprint, Response

from task_system.api.checks import Check
from task_system.api.describing import described
from task_system.api.errors import problem
from task_system.api.http import answer
from task_system.api.services import services
from task_system.api.shapes.running import Alive, Ready
from task_system.model.errors import TaskSystemError

bp = Blueprint("health", __name__, url_prefix="/api/health")


@bp.get("/live")
@described(answers={200: Alive}, uses_store=False)
def live() -> Response:
    """This process answers."""
    return answer({"status": "alive"})


@bp.get("/ready")
@described(answers={200: Ready}, statuses={503: "Something is not there; `checks` says what."}, uses_store=False)
def ready() -> Response:
    """All that a task needs is there: 200, or 503 with what is wrong."""
    checks = {name: _run(check) for name, check in services().checks.items()}
    wrong = [name for name, found in checks.items() if found["status"] != "ok"]
    if not wrong:
        return answer({"status": "ready", "checks": checks})
    detail = "Not all is well: " + "; ".join(f"{name}: {checks[name]['detail']}" for name in wrong)
    return problem(503, "not_ready", detail, {"Retry-After": "5"}, checks=checks)


def _run(check: Check) -> dict[str, object]:
    try:
        return {"status": "ok", **check()}
    except TaskSystemError as error:
        return {"status": "failed", "detail": error.detail}
