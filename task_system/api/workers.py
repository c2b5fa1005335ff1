"""/api/workers: who works for the service, and on what."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response

from task_system.api.describing import described
from task_system.api.http import answer
from task_system.api.services import services
from task_system.api.shapes.running import Workers
from task_system.model.states import State
from task_system.model.time import iso
from task_system.store.looking import Running
from task_system.store.workers import Seen

bp = Blueprint("workers", __name__, url_prefix="/api/workers")

#: How long one that was lost is shown, in seconds.
LOST_SHOWN_S = 86_400.0


@bp.get("")
@described(answers={200: Workers})
def index() -> Response:
    """Workers and keepers with what they run. Lost ones are shown for a day, with what became of their tasks."""
    this = services()
    now, running = this.looking.now(), this.looking.running()
    known = this.workers.alive(LOST_SHOWN_S)
    gone = [seen for seen in known if _since_s(seen.heartbeat_at, now) > this.alive_s]
    tasks_of = this.looking.lost([seen.name for seen in gone if seen.role == "worker"]) if gone else {}
    return answer(
        {
            "workers": [_view(seen, now, seen not in gone, running.get(seen.name, [])) for seen in known],
            "lost": [_lost_view(seen, tasks_of.get(seen.name, {})) for seen in gone],
        }
    )


def _view(seen: Seen, now: datetime, alive: bool, running: list[Running]) -> dict[str, Any]:
    return {
        **asdict(seen),
        "status": "alive" if alive else "lost",
        "started_at": iso(seen.started_at),
        "heartbeat_at": iso(seen.heartbeat_at),
        "silent_s": _since_s(seen.heartbeat_at, now),
        "tasks": [
            {
                "task_id": str(task.task_id),
                "task_type": task.task_type,
                "attempt": task.attempt,
                "started_at": iso(task.started_at),
                "running_s": _since_s(task.started_at, now),
                "percent": task.percent,
                "links": {"self": f"/api/tasks/{task.task_id}"},
            }
            for task in running
        ],
    }


def _lost_view(seen: Seen, tasks: dict[UUID, State | None]) -> dict[str, Any]:
    return {
        "name": seen.name,
        "heartbeat_at": iso(seen.heartbeat_at),
        "tasks": [{"task_id": str(task_id), "state": state} for task_id, state in tasks.items()],
    }


def _since_s(moment: datetime, now: datetime) -> float:
    return max(0.0, round((now - moment).total_seconds(), 3))
