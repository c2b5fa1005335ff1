"""/api/stats and /api/ledger: how much, how fast, how long; and whether it adds up."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

import orjson
from flask import Blueprint, Response
from pydantic import Field

from task_system.api.describing import described
from task_system.api.http import Body, answer
from task_system.api.queries import queried
from task_system.api.services import services
from task_system.api.shapes.stats import Ledger, Stats
from task_system.model.histogram import Histogram, percentiles
from task_system.model.routing import lane_of
from task_system.model.tally import ACCOUNTS, COUNTS, ENDS, Rollup, steps
from task_system.model.time import iso
from task_system.store.balance import Balance
from task_system.store.figures import MOST_COUNTED, Group, Now
from task_system.store.statistics import Span

bp = Blueprint("stats", __name__, url_prefix="/api")

K = TypeVar("K")
Window = Literal["15m", "1h", "24h", "7d"]
#: By window: its length, and that of its steps, in seconds.
_SPANS = {"15m": (900, 60), "1h": (3600, 60), "24h": (86_400, 600), "7d": (7 * 86_400, 3600)}
#: Percentiles, by name.
_SHARES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


class OverWindow(Body):
    """Over which time."""

    window: Annotated[Window, Field(description="The last 15 minutes, hour, day or week.")] = "1h"


@bp.get("/stats")
@described(query=OverWindow, answers={200: Stats})
def stats() -> Response:
    """Counts, rates and percentiles.

    What happened comes from rollups, and `as_of` says how far those are; what waits and runs is counted now.
    Percentiles come from histograms, and are at most 5 % off. An answer that was costly to make is given again for a
    while; its times say when it was made.
    """
    window = queried(OverWindow).window
    return answer(services().kept.get(f"stats {window}", lambda: _made(window)))


@bp.get("/ledger")
@described(query=OverWindow, answers={200: Ledger})
def ledger() -> Response:
    """What became of all that was accepted, by the minute of its acceptance.

    accepted = succeeded + failed + cancelled + expired + live + removed. The rows of the newest minutes are counted and
    held against the ledger, in one snapshot; what does not agree is named.
    """
    window = queried(OverWindow).window
    return answer(services().kept.get(f"ledger {window}", lambda: _balanced(services().balances.of(_SPANS[window][0]))))


def _balanced(balance: Balance) -> bytes:
    return orjson.dumps(
        {
            "balanced": not balance.discrepancies,
            **{name: balance.totals.get(name, 0) for name in (*ACCOUNTS, "live")},
            "as_of": iso(balance.as_of),
            "since": iso(balance.since),
            "compared_from": iso(balance.compared_from),
            "minutes": [
                {"at": iso(minute.at), **minute.counts, "discrepancy": minute.discrepancy} for minute in balance.minutes
            ],
            "discrepancies": [{"at": iso(one.at), "what": one.what, "by": one.by} for one in balance.discrepancies],
        }
    )


def _made(window: Window) -> bytes:
    span = services().statistics.span(*_SPANS[window])
    return orjson.dumps({"window": window, **_view(span, services().figures.now())})


def _view(span: Span, now: Now) -> dict[str, Any]:
    groups = _added_up((((key.task_type, key.queue), rollup) for key, rollup in span.rollups.items()))
    total = _added_up((None, rollup) for rollup in groups.values()).get(None, Rollup())
    counts = total.counts
    over = sum(counts[name] for name in ENDS.values())
    judged = counts["succeeded"] + counts["failed"]
    minutes = max(1.0, (span.end - span.start).total_seconds() / 60)
    return {
        "from": iso(span.start),
        "to": iso(span.end),
        "step_s": span.step_s,
        "as_of": iso(span.as_of),
        "now": {
            "pending": now.pending,
            "scheduled": now.scheduled,
            "running": now.running,
            "retry": now.retry,
            "oldest_waiting_s": _oldest_s(now.groups.values(), now.as_of),
            "counted_to": MOST_COUNTED,
            "as_of": iso(now.as_of),
        },
        "totals": _counts(total),
        "rate_per_min": {
            "accepted": round(counts["accepted"] / minutes, 3),
            "finished": round(over / minutes, 3),
        },
        "success_rate": round(counts["succeeded"] / judged, 6) if judged else None,
        "wait_ms": _percentiles(total.wait_ms),
        "run_ms": _percentiles(total.run_ms),
        "series": _series(span),
        "by_type": _rows("task_type", lambda group: group[0], groups, now),
        "by_queue": _rows("queue", lambda group: group[1], groups, now),
        "by_lane": _rows("lane", lambda group: lane_of(group[1]), groups, now),
        "by_state": {
            "PENDING": now.pending + now.scheduled,
            "STARTED": now.running,
            "RETRY": now.retry,
            **{str(state): counts[name] for state, name in ENDS.items()},
        },
    }


def _series(span: Span) -> list[dict[str, Any]]:
    by_step = _added_up((key.at, rollup) for key, rollup in span.rollups.items())
    nothing = Rollup()
    shown = []
    for at in steps(span.start, span.end, span.step_s):
        rollup = by_step.get(at, nothing)
        shown.append(
            {
                "at": iso(at),
                **_counts(rollup),
                "wait_p95_ms": percentiles(rollup.wait_ms, [0.95])[0],
                "run_p95_ms": percentiles(rollup.run_ms, [0.95])[0],
            }
        )
    return shown


def _rows(
    name: str, of: Callable[[tuple[str, str]], str], groups: Mapping[tuple[str, str], Rollup], now: Now
) -> list[dict[str, Any]]:
    past = _added_up((of(group), rollup) for group, rollup in groups.items())
    live: dict[str, Group] = defaultdict(Group)
    for key, group in now.groups.items():
        live[of(key)].add(group)
    shown = []
    for value in sorted({*past, *live} - {""}):
        rollup, group = past.get(value, Rollup()), live[value]
        shown.append(
            {
                name: value,
                **_counts(rollup),
                "wait_ms": _percentiles(rollup.wait_ms),
                "run_ms": _percentiles(rollup.run_ms),
                "waiting": group.waiting,
                "running": group.running,
                "oldest_waiting_s": _oldest_s([group], now.as_of),
            }
        )
    return shown


def _added_up(rollups: Iterable[tuple[K, Rollup]]) -> dict[K, Rollup]:
    added: dict[K, Rollup] = {}
    for key, rollup in rollups:
        added.setdefault(key, Rollup()).add(rollup)
    return added


def _counts(rollup: Rollup) -> dict[str, int]:
    return {name: rollup.counts[name] for name in COUNTS}


def _percentiles(histogram: Histogram) -> dict[str, float | None]:
    return dict(zip(_SHARES, percentiles(histogram, list(_SHARES.values())), strict=True))


def _oldest_s(groups: Iterable[Group], now: datetime) -> float | None:
    oldest = min((group.oldest for group in groups if group.oldest), default=None)
    return None if oldest is None else max(0.0, round((now - oldest).total_seconds(), 3))
