"""How soon a high task starts while 20,000 low ones of 50 ms wait for one worker with 2 slots.

python -m benchmarks.priority [--quick] [--json FILE] [--markdown docs/performance.md]
"""

import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import requests

from benchmarks import report
from benchmarks.contenders import KEEPER, SERVICE_WEB, SERVICE_WORKER, SLOTS
from benchmarks.load import preload
from benchmarks.report import Bar, Report
from benchmarks.running import Running, Stand, stand, wait_until
from benchmarks.waiting import Rows, rows

TASK_MS = 50
ALLOWED_MS = 50
_MAX_GAP_S = 0.5
_FINISH_S = 60
_LOW_DONE = "priority = 'low' AND state = 'SUCCESS'"


@dataclass(frozen=True)
class Waits:
    """What was seen of the high tasks, and of the low ones in the same time."""

    low_waiting: int
    #: From accepted to started, by the database's clock, one for each high task.
    high_ms: Sequence[float]
    low_finished: int
    duration_s: float

    @property
    def low_per_s(self) -> float:
        """Low tasks finished per second while high ones came."""
        return self.low_finished / self.duration_s

    def percentile_ms(self, percent: int) -> float:
        """The smallest wait that so many percent of the high tasks did not exceed."""
        ordered = sorted(self.high_ms)
        return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def measure(place: Stand, web: Running, low: int, high: int) -> Waits:
    """Fill the low queue, start the worker, then submit high tasks one by one at random moments."""
    with rows(place) as recorded:
        waiting = preload(web.base_url, {"task_type": "sleep_50ms", "priority": "low"}, low)
        with place.running(SERVICE_WORKER) as worker, requests.Session() as session:
            wait_until(lambda: recorded.count(_LOW_DONE) >= SLOTS, _FINISH_S, "low tasks run", worker.process)
            low_before, began = recorded.count(_LOW_DONE), time.monotonic()
            links = [_submit_high(session, web.base_url) for _ in range(high)]
            wait_until(lambda: _all_high_done(recorded, high), _FINISH_S, "all high tasks finished", worker.process)
            low_finished, duration_s = recorded.count(_LOW_DONE) - low_before, time.monotonic() - began
            high_ms = [_wait_ms(session, web.base_url + link) for link in links]
    return Waits(waiting, high_ms, low_finished, duration_s)


def _submit_high(session: requests.Session, base_url: str) -> str:
    time.sleep(random.uniform(0, _MAX_GAP_S))
    body = {"task_type": "sleep_50ms", "priority": "high"}
    answer = session.post(f"{base_url}/api/tasks", json=body, timeout=10)
    answer.raise_for_status()
    return str(answer.json()["links"]["self"])


def _all_high_done(recorded: Rows, high: int) -> bool:
    return recorded.count("priority = 'high' AND state = 'SUCCESS'") == high


def _wait_ms(session: requests.Session, url: str) -> float:
    task: dict[str, Any] = session.get(url, timeout=10).json()
    accepted, started = datetime.fromisoformat(task["created_at"]), datetime.fromisoformat(task["started_at"])
    return (started - accepted).total_seconds() * 1000


def report_of(waits: Waits, facts: dict[str, str]) -> Report:
    """The waits, and the bars."""
    p50_ms, p95_ms, max_ms = (waits.percentile_ms(percent) for percent in (50, 95, 100))
    best_per_s = SLOTS * 1000 / TASK_MS
    return Report(
        name="priority",
        title=f"High over low: {waits.low_waiting:,} low tasks of {TASK_MS} ms waiting, one worker with {SLOTS} slots",
        columns=("", "tasks", "p50 ms", "p95 ms", "max ms", "finished/s"),
        rows=[
            (
                "high, accepted to started",
                f"{len(waits.high_ms)}",
                f"{p50_ms:.1f}",
                f"{p95_ms:.1f}",
                f"{max_ms:.1f}",
                "",
            ),
            ("low, meanwhile", f"{waits.low_finished:,}", "", "", "", f"{waits.low_per_s:.1f}"),
        ],
        bars=[
            Bar(
                f"a high task starts within a task's {TASK_MS} ms + {ALLOWED_MS} ms (p95)",
                f"{p95_ms:.1f} ms",
                p95_ms <= TASK_MS + ALLOWED_MS,
            ),
            Bar("low tasks go on finishing", f"{waits.low_per_s:.1f}/s", waits.low_finished > 0),
        ],
        facts=facts,
        notes=[f"{SLOTS} slots can finish {best_per_s:.0f} such tasks a second."],
        data=asdict(waits),
    )


def main() -> int:
    """Measure once."""
    options = report.arguments(__doc__)
    low, high = (200, 5) if options.quick else (20_000, 100)
    with stand() as place:
        facts = report.facts(place)
        place.migrate()
        with place.running(SERVICE_WEB) as web, place.running(KEEPER):
            waits = measure(place, web, low, high)
    report_of(waits, facts).write(options)
    return 0 if waits.low_finished else 1


if __name__ == "__main__":
    sys.exit(main())
