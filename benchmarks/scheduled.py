"""What waits for its time: what a million scheduled tasks cost, how late they fire, and 100,000 due in the same second.

python -m benchmarks.scheduled [--quick] [--json FILE] [--markdown docs/performance.md]
"""

import os
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import requests

from benchmarks import report
from benchmarks.contenders import KEEPER, SERVICE_WEB, SERVICE_WORKER
from benchmarks.report import Bar, Report
from benchmarks.running import Running, Stand, stand, wait_until

_IDLE_S = 10.0
_AHEAD_S = 10.0
_DISPATCH_S = 300.0
_FINISH_S = 60.0
#: Rows as a batch leaves them, with ids of now.
_INSERT = """
INSERT INTO tasks (id, task_type, queue, priority, parameters, max_attempts, timeout_s, created_at, run_at, relay_at)
SELECT CAST(lpad(to_hex(CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)), 12, '0') || '7'
            || lpad(to_hex(n %% 4096), 3, '0') || '8' || substr(md5(CAST(n AS text) || random()), 1, 15) AS uuid),
       'noop', 'default.' || priority, priority, '{}', 3, 60, now(), %(run_at)s, %(run_at)s
  FROM generate_series(1, %(count)s) AS n,
       LATERAL (SELECT (ARRAY['high', 'normal', 'low'])[1 + n %% 3] AS priority) AS one
"""
_LATER = "priority = 'low' AND published_at < (SELECT max(published_at) FROM burst WHERE priority = 'high')"


@dataclass(frozen=True)
class Waited:
    """What was seen."""

    scheduled: int
    #: Of one core, of the keeper and of all of PostgreSQL's processes.
    idle_share: float
    idle_share_full: float
    late_ms: Sequence[float]
    due_at_once: int
    dispatched_s: float
    #: Low tasks that were dispatched before the last high one.
    low_before_high: int

    def late(self, percent: int) -> float:
        """The smallest lateness that so many percent did not exceed, in milliseconds."""
        ordered = sorted(self.late_ms)
        return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


class Tasks:
    """The service's table, past the service."""

    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
        self._connection = connection

    def now(self) -> datetime:
        """The database's time."""
        now: datetime = self.one("SELECT now()")
        return now

    def schedule(self, count: int, run_at: datetime) -> None:
        """So many tasks for that moment, a third of each priority."""
        self._connection.execute(_INSERT.encode(), {"count": count, "run_at": run_at})
        self._connection.execute("VACUUM ANALYZE tasks")

    def dispatched(self, run_at: datetime) -> tuple[int, float, int]:
        """Of those of that moment: how many, how long after it the last, and low ones before the last high one."""
        burst = "WITH burst AS (SELECT * FROM tasks WHERE run_at = %(run_at)s AND published_at IS NOT NULL)"
        found = self._connection.execute(
            f"{burst} SELECT count(*), max(published_at), count(*) FILTER (WHERE {_LATER}) FROM burst".encode(),
            {"run_at": run_at},
        ).fetchone()
        assert found is not None
        count, last, before = found
        return count, (last - run_at).total_seconds() if last else 0.0, before

    def one(self, statement: str) -> Any:
        """The one value that a statement answers."""
        row = self._connection.execute(statement.encode()).fetchone()
        assert row is not None
        return row[0]


@contextmanager
def tasks_of(place: Stand) -> Iterator[Tasks]:
    """A connection to the benchmark's PostgreSQL."""
    with psycopg.connect(place.servers.postgresql.url, autocommit=True) as connection:
        yield Tasks(connection)


def measure(place: Stand, many: int, single: int, burst: int) -> Waited:
    """Idle without and with many scheduled tasks; single ones among them; then all at once."""
    with tasks_of(place) as tasks, place.running(KEEPER) as keeper, place.running(SERVICE_WEB) as web:
        idle = _share(place, keeper)
        tasks.schedule(many, tasks.now() + timedelta(days=300))
        full = _share(place, keeper)
        with place.running(SERVICE_WORKER):
            late_ms = _lateness_ms(web.base_url, single)
        run_at = tasks.now().replace(microsecond=0) + timedelta(seconds=_AHEAD_S + burst / 5000)
        tasks.schedule(burst, run_at)
        wait_until(
            lambda: tasks.dispatched(run_at)[0] == burst, _DISPATCH_S, "all dispatched", keeper.process, poll_s=1.0
        )
        _, dispatched_s, before = tasks.dispatched(run_at)
    return Waited(many, idle, full, late_ms, burst, dispatched_s, before)


def _lateness_ms(base_url: str, count: int) -> list[float]:
    with requests.Session() as session:

        def finished(links: list[str]) -> bool:
            return all(_task(session, base_url + link)["finished_at"] for link in links)

        first = _submit(session, base_url, 0.0)
        wait_until(lambda: finished([first]), _FINISH_S, "the worker works")
        links = [_submit(session, base_url, random.uniform(2, 6)) for _ in range(count)]
        wait_until(lambda: finished(links), _FINISH_S, "all done")
        tasks = [_task(session, base_url + link) for link in links]
    return [_milliseconds(task["run_at"], task["started_at"]) for task in tasks]


def _submit(session: requests.Session, base_url: str, delay_s: float) -> str:
    answer = session.post(f"{base_url}/api/tasks", json={"task_type": "noop", "delay": delay_s}, timeout=10)
    answer.raise_for_status()
    return str(answer.json()["links"]["self"])


def _task(session: requests.Session, url: str) -> dict[str, Any]:
    task: dict[str, Any] = session.get(url, timeout=10).json()
    return task


def _milliseconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() * 1000


def _share(place: Stand, keeper: Running) -> float:
    """Of one core, over some seconds in which nothing happens."""
    with psycopg.connect(place.servers.postgresql.url) as connection:
        postmaster = _parent(connection.info.backend_pid)
    before, began = _cpu_s(keeper.pid, postmaster), time.monotonic()
    time.sleep(_IDLE_S)
    return (_cpu_s(keeper.pid, postmaster) - before) / (time.monotonic() - began)


def _cpu_s(*roots: int) -> float:
    """Processor seconds of these processes and of their children."""
    total = 0.0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if int(folder.name) in roots or _parent(int(folder.name)) in roots:
                    total += sum(map(int, _stat(int(folder.name))[11:13]))
            except FileNotFoundError:
                pass  # it ended meanwhile
    return total / os.sysconf("SC_CLK_TCK")


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def report_of(waited: Waited, facts: dict[str, str]) -> Report:
    """What was seen, and the bars."""
    share = waited.low_before_high / waited.due_at_once
    return Report(
        name="scheduled",
        title=f"Scheduled: {waited.scheduled:,} tasks that wait for their time, {waited.due_at_once:,} due at once",
        columns=("", "measured"),
        rows=[
            ("keeper and PostgreSQL, of a core, nothing scheduled", f"{waited.idle_share:.1%}"),
            (f"the same, {waited.scheduled:,} tasks scheduled", f"{waited.idle_share_full:.1%}"),
            (f"started after its time, {len(waited.late_ms)} tasks among them, p50", f"{waited.late(50):.0f} ms"),
            ("p99", f"{waited.late(99):.0f} ms"),
            (
                f"{waited.due_at_once:,} due in the same second: the last dispatched after",
                f"{waited.dispatched_s:.1f} s",
            ),
            ("low ones that were dispatched before the last high one", f"{share:.1%}"),
        ],
        bars=[
            Bar(
                f"{waited.scheduled:,} scheduled tasks cost no more than none, within 2 % of a core",
                f"{waited.idle_share_full - waited.idle_share:+.1%}",
                waited.idle_share_full - waited.idle_share <= 0.02,
            ),
            Bar("they start within 1 s of their time", f"{waited.late(100):.0f} ms", waited.late(100) <= 1000),
            Bar(
                f"{waited.due_at_once:,} due in the same second are dispatched within 30 s",
                f"{waited.dispatched_s:.1f} s",
                waited.dispatched_s <= 30,
            ),
            Bar("high ones first", f"{waited.low_before_high} low ones before the last high one", share <= 0.02),
        ],
        facts=facts,
        data=asdict(waited),
    )


def main() -> int:
    """Measure once."""
    options = report.arguments(__doc__)
    sizes = (20_000, 10, 2000) if options.quick else (1_000_000, 100, 100_000)
    with stand() as place:
        facts = report.facts(place)
        place.migrate()
        waited = measure(place, *sizes)
    report_of(waited, facts).write(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
