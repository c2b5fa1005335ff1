"""/api/workers: who works for the service, and on what."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response

from task_system.api.describing import described
from task_system.api.http import answer
from task_system.api.services import services
from task_system.api.shapes.running import Workers
from task_system.model.task import iso
from task_system.store.looking import Running
from task_system.store.workers import Seen

bp = Blueprint("workers", __name__, url_prefix="/api/workers")

#: How long one that was lost is shown, in seconds.
LOST_SHOWN_S = 3600.0


@bp.get("")
@described(answers={200: Workers})
def index() -> Response:
    """Workers and keepers with what they run. Lost ones are shown for an hour; leases bring their tasks back."""
    this = services()
    now, running = this.looking.now(), this.looking.running()
    shown = []
    for seen in this.workers.alive(LOST_SHOWN_S):
        silent_s = max(0.0, round((now - seen.heartbeat_at).total_seconds(), 3))
        shown.append(_view(seen, silent_s, silent_s <= this.alive_s, running.get(seen.name, [])))
    return answer({"workers": shown})


def _view(seen: Seen, silent_s: float, alive: bool, running: list[Running]) -> dict[str, Any]:
    return {
        **asdict(seen),
        "status": "alive" if alive else "lost",
        "started_at": iso(seen.started_at),
        "heartbeat_at": iso(seen.heartbeat_at),
        "silent_s": silent_s,
        "tasks": [
            {
                "task_id": str(task.task_id),
                "task_type": task.task_type,
                "attempt": task.attempt,
                "started_at": iso(task.started_at),
                "links": {"self": f"/api/tasks/{task.task_id}"},
            }
            for task in running
        ],
    }
