"""No-op tasks that already wait, one prefork worker with 2 slots: this service beside plain Celery with Redis results.

python -m benchmarks.work [--quick] [--json FILE] [--markdown docs/performance.md]
"""

import subprocess
import sys
from dataclasses import asdict, dataclass
from statistics import median

from benchmarks import report
from benchmarks.contenders import KEEPER, PLAIN_WORKER, PLAIN_WORKER_LATE, SERVICE_WEB, SERVICE_WORKER, Contender
from benchmarks.load import preload
from benchmarks.report import Bar, Report, paired_ratio
from benchmarks.running import ROOT, BenchmarkFailed, Running, Stand, stand, wait_until
from benchmarks.waiting import broker, results, rows

CONTENDERS = (SERVICE_WORKER, PLAIN_WORKER)
FOR_REFERENCE = (PLAIN_WORKER_LATE,)
_FILL_S = 60
_WORK_S = 120
_POLL_S = 0.5


@dataclass(frozen=True)
class Round:
    """One worker in one round."""

    contender: str
    tasks: int
    #: From the first task's recorded end to the last one's.
    duration_s: float
    #: Entries in Celery's Redis result store at the end.
    results: int

    @property
    def rate_per_s(self) -> float:
        """Tasks finished per second, between the first and the last."""
        return (self.tasks - 1) / self.duration_s


def measure_service(place: Stand, web: Running, tasks: int) -> Round:
    """Let this service's worker run what its API accepted."""
    with broker(place) as queues, rows(place) as recorded, results(place) as copies:
        copies.clear()
        recorded.clear()
        accepted = preload(web.base_url, {"task_type": "noop"}, tasks)
        wait_until(lambda: queues.depth(SERVICE_WEB.queue) >= accepted, _FILL_S, f"{accepted} tasks in the queue")
        with place.running(SERVICE_WORKER) as worker:
            unfinished = "finished_at IS NULL"
            wait_until(lambda: recorded.count(unfinished) == 0, _WORK_S, "all tasks finished", worker.process, _POLL_S)
            first, last = recorded.finished_between()
        succeeded = recorded.count("state = 'SUCCESS'")
        if succeeded < accepted or succeeded != recorded.count():
            raise BenchmarkFailed(f"{accepted} tasks accepted, {recorded.count()} recorded, {succeeded} succeeded")
        return Round(SERVICE_WORKER.title, succeeded, (last - first).total_seconds(), len(copies.finished()))


def measure_plain(place: Stand, contender: Contender, tasks: int) -> Round:
    """Let a plain Celery worker run what was published with `apply_async`."""
    with broker(place) as queues, results(place) as store:
        queues.purge("plain")
        store.clear()
        fill(place, tasks)
        wait_until(lambda: queues.depth("plain") >= tasks, _FILL_S, f"{tasks} tasks in the queue")
        with place.running(contender) as worker:
            wait_until(lambda: store.count() >= tasks, _WORK_S, "all tasks finished", worker.process, _POLL_S)
        finished = store.finished()
        if len(finished) != tasks:
            raise BenchmarkFailed(f"{len(finished)} results of {tasks} tasks")
        return Round(contender.title, tasks, (finished[-1] - finished[0]).total_seconds(), len(finished))


def fill(place: Stand, tasks: int) -> None:
    """Publish the peer's tasks, from a process of their own because Celery reads its settings once."""
    subprocess.run(
        [sys.executable, "-m", "benchmarks.plain.fill", str(tasks)],
        env={**place.servers.environment, "PLAIN_CONFIRM": "0"},
        cwd=ROOT,
        timeout=_FILL_S,
        check=True,
    )


def measure(place: Stand, web: Running, contender: Contender, tasks: int) -> Round:
    """One contender, once."""
    if contender is SERVICE_WORKER:
        return measure_service(place, web, tasks)
    return measure_plain(place, contender, tasks)


def report_of(measured: list[Round], facts: dict[str, str]) -> Report:
    """The medians, their ratios, and the bar."""
    titles = dict.fromkeys(r.contender for r in measured)
    by_title = {title: [r for r in measured if r.contender == title] for title in titles}
    rates = {title: [r.rate_per_s for r in rounds] for title, rounds in by_title.items()}
    ratio = {title: paired_ratio(rates[SERVICE_WORKER.title], others) for title, others in rates.items()}
    to_plain = ratio[PLAIN_WORKER.title]
    table = [
        (
            title,
            f"{median(rates[title]):,.0f}",
            f"{min(rates[title]):,.0f} to {max(rates[title]):,.0f}",
            f"{ratio[title]:.2f}",
            f"{sum(r.tasks for r in rounds):,}",
            f"{sum(r.results for r in rounds):,}",
        )
        for title, rounds in by_title.items()
    ]
    return Report(
        name="work",
        title="Working: no-op tasks through one prefork worker with 2 slots",
        columns=("", "tasks/s", "range", "ours ÷ this", "tasks", "results in Redis"),
        rows=list(table),
        bars=[Bar("at least plain Celery with Redis results", f"{to_plain:.2f}", to_plain >= 1)],
        facts=facts,
        data={"rounds": [asdict(r) | {"rate_per_s": r.rate_per_s} for r in measured]},
    )


def main() -> int:
    """Measure all workers in turn, several times."""
    options = report.arguments(__doc__)
    rounds, tasks, contenders = (1, 200, CONTENDERS) if options.quick else (4, 5000, CONTENDERS + FOR_REFERENCE)
    with stand() as place:
        facts = report.facts(place)
        place.migrate()
        with place.running(SERVICE_WEB) as web, place.running(KEEPER):
            measured = [measure(place, web, contender, tasks) for _ in range(rounds) for contender in contenders]
    report_of(measured, facts).write(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
