"""/api/queues: what waits, as the database and RabbitMQ know it, and who serves it."""

from collections import defaultdict
from typing import Any

from flask import Blueprint, Response

from task_system.api.describing import described
from task_system.api.http import answer
from task_system.api.queue_controls import pause_view
from task_system.api.services import services
from task_system.api.shapes.running import Queues
from task_system.model.errors import BrokerUnavailable
from task_system.model.routing import LANES, lane_of, priority_of, queues_of
from task_system.model.tally import ENDS
from task_system.store.looking import MOST
from task_system.store.statistics import Span

bp = Blueprint("queues", __name__, url_prefix="/api/queues")

#: Rates are those of the last so many seconds.
RATES_OVER_S = 300


@bp.get("")
@described(answers={200: Queues})
def index() -> Response:
    """Every queue. Counts of the database stop at a bound; `ready_in_broker` is null while RabbitMQ does not answer."""
    this = services()
    names = queues_of(LANES)
    backlogs, now, paused = this.looking.backlogs(names), this.looking.now(), this.controls.paused()
    looks, rates = _looks(names), _rates(this.statistics.span(RATES_OVER_S, 60))
    alive = [seen for seen in this.workers.alive(this.alive_s) if seen.role == "worker"]
    shown: list[dict[str, Any]] = []
    for name in names:
        backlog, (ready, consumers) = backlogs[name], looks.get(name, (None, None))
        rate_in, rate_out = rates.get(name, (0.0, 0.0))
        shown.append(
            {
                "name": name,
                "lane": lane_of(name),
                "priority": priority_of(name),
                "waiting": backlog.waiting,
                "waiting_is_capped": backlog.waiting == MOST,
                "ready": ready,
                "ready_in_broker": ready,
                "consumers": sum(lane_of(name) in seen.lanes for seen in alive) if consumers is None else consumers,
                "oldest_waiting_s": max(0.0, (now - backlog.oldest).total_seconds()) if backlog.oldest else None,
                "pause": pause_view(name, paused.get(name)),
                "rate_in_per_min": rate_in,
                "rate_out_per_min": rate_out,
                "drain_s": _drain_s(backlog.waiting, rate_in, rate_out),
            }
        )
    return answer({"queues": shown, "counted_to": MOST, "broker": "up" if looks else "down"})


def _looks(names: tuple[str, ...]) -> dict[str, tuple[int, int | None]]:
    try:
        return services().looks(names)
    except BrokerUnavailable:
        return {}


def _rates(span: Span) -> dict[str, tuple[float, float]]:
    """Tasks accepted and ended per minute, by queue."""
    minutes = (span.end - span.start).total_seconds() / 60
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for key, rollup in span.rollups.items():
        counts[key.queue][0] += rollup.counts["accepted"]
        counts[key.queue][1] += sum(rollup.counts[name] for name in ENDS.values())
    return {queue: (round(came / minutes, 3), round(went / minutes, 3)) for queue, (came, went) in counts.items()}


def _drain_s(waiting: int, rate_in: float, rate_out: float) -> float | None:
    if not waiting:
        return 0.0
    return round(60 * waiting / (rate_out - rate_in), 1) if rate_out > rate_in else None
