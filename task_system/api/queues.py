"""/api/queues: what waits, as the database and RabbitMQ know it, and who serves it."""

from typing import Any

from flask import Blueprint, Response

from task_system.api.describing import described
from task_system.api.http import answer
from task_system.api.queue_controls import pause_view
from task_system.api.services import services
from task_system.api.shapes.running import Queues
from task_system.model.errors import BrokerUnavailable
from task_system.model.routing import LANES, lane_of, priority_of, queues_of
from task_system.store.looking import MOST

bp = Blueprint("queues", __name__, url_prefix="/api/queues")


@bp.get("")
@described(answers={200: Queues})
def index() -> Response:
    """Every queue. Counts of the database stop at a bound; `ready` is null while RabbitMQ does not answer."""
    this = services()
    names = queues_of(LANES)
    backlogs, now = this.looking.backlogs(names), this.looking.now()
    ready, paused = _ready(names), this.controls.paused()
    alive = [seen for seen in this.workers.alive(this.alive_s) if seen.role == "worker"]
    shown: list[dict[str, Any]] = []
    for name in names:
        backlog = backlogs[name]
        shown.append(
            {
                "name": name,
                "lane": lane_of(name),
                "priority": priority_of(name),
                "waiting": backlog.waiting,
                "waiting_is_capped": backlog.waiting == MOST,
                "ready": ready.get(name),
                "consumers": sum(lane_of(name) in seen.lanes for seen in alive),
                "oldest_waiting_s": max(0.0, (now - backlog.oldest).total_seconds()) if backlog.oldest else None,
                "pause": pause_view(name, paused.get(name)),
            }
        )
    return answer({"queues": shown, "counted_to": MOST, "broker": "up" if ready else "down"})


def _ready(names: tuple[str, ...]) -> dict[str, int]:
    try:
        return services().depths(names)
    except BrokerUnavailable:
        return {}
