"""POST /api/tasks with 64 keep-alive clients: this service, a plain Flask + Celery service, a no-op Flask POST.

python -m benchmarks.submit [--quick] [--json FILE] [--markdown docs/performance.md]
"""

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median

from benchmarks import report
from benchmarks.contenders import (
    NOOP_WEB,
    PLAIN_WEB,
    PLAIN_WEB_GRANIAN,
    PLAIN_WEB_UNCONFIRMED,
    SERVICE_WEB,
    Contender,
)
from benchmarks.load import CLIENTS, Load, submit
from benchmarks.processes import children_cpu_s, cpu_s
from benchmarks.report import Bar, Report, paired_ratio
from benchmarks.running import BenchmarkFailed, Running, Stand, stand, wait_until
from benchmarks.waiting import Broker, Rows, broker, results, rows

CONTENDERS = (SERVICE_WEB, PLAIN_WEB, NOOP_WEB)
FOR_REFERENCE = (PLAIN_WEB_UNCONFIRMED, PLAIN_WEB_GRANIAN)
BODY = {"task_type": "noop"}
_WARM_UP_S = 1
_SETTLE_S = 60


@dataclass(frozen=True)
class Round:
    """One contender in one round."""

    contender: str
    load: Load
    #: Every 202 that was counted, warm-up included, and what was found of them where they must be.
    accepted: int
    kept: int
    #: From the end of the load until all that was accepted waited in the queue.
    settled_s: float
    #: CPU time of a counted request by who spent it, until all was in the queue, in microseconds.
    cpu_us: dict[str, float]


def measure(place: Stand, contender: Contender, seconds: int) -> Round:
    """Start the contender, load it, and look for every task that it accepted."""
    with broker(place) as queues, rows(place) as tasks, results(place) as kept_results:
        queues.purge(contender.queue)
        kept_results.clear()
        tasks.clear()
        with place.running(contender) as web:
            warm_up = submit(web.base_url, BODY, _WARM_UP_S)
            before = _cpu_s(place, web)
            load = submit(web.base_url, BODY, seconds)
            accepted = warm_up.accepted + load.accepted
            began = time.monotonic()
            _settle(contender, queues, accepted)
            settled_s = time.monotonic() - began
            after = _cpu_s(place, web)
            kept = _kept(contender, queues, tasks, accepted)
    if not accepted <= kept <= accepted + 2 * CLIENTS:  # the requests that each end of a load cut off may be kept too
        raise BenchmarkFailed(f"{contender.title} answered 202 to {accepted} submissions and kept {kept}")
    cpu_us = {name: (after[name] - before[name]) / max(1, load.accepted) * 1e6 for name in before}
    return Round(contender.title, load, accepted, kept, settled_s, cpu_us)


def _cpu_s(place: Stand, web: Running) -> dict[str, float]:
    servers = {
        "PostgreSQL": place.servers.postgresql.pid,
        "RabbitMQ": place.servers.rabbitmq.pid,
        "Redis": place.servers.redis.pid,
    }
    spent = {name: cpu_s(pid) for name, pid in servers.items() if pid is not None}
    return {"web": cpu_s(web.pid), "clients": children_cpu_s(), **spent}


def _settle(contender: Contender, queues: Broker, accepted: int) -> None:
    """The next contender must not pay for what this one still does."""
    if contender.queue:
        arrived: Callable[[], bool] = lambda: queues.depth(contender.queue) >= accepted  # noqa: E731
        wait_until(arrived, _SETTLE_S, f"{accepted} tasks of {contender.title} in {contender.queue}")


def _kept(contender: Contender, queues: Broker, tasks: Rows, accepted: int) -> int:
    if contender is SERVICE_WEB:
        return tasks.count()
    return queues.depth(contender.queue) if contender.queue else accepted


def report_of(measured: list[Round], facts: dict[str, str]) -> Report:
    """The medians, their ratios, and the bars."""
    titles = dict.fromkeys(r.contender for r in measured)
    by_title = {title: [r for r in measured if r.contender == title] for title in titles}
    rates = {title: [r.load.rate_per_s for r in rounds] for title, rounds in by_title.items()}
    p99_ms = {title: median(r.load.p99_ms for r in rounds) for title, rounds in by_title.items()}
    ours = by_title[SERVICE_WEB.title]
    # Those for reference take part in the first rounds only.
    ratio = {title: paired_ratio(rates[SERVICE_WEB.title][: len(others)], others) for title, others in rates.items()}
    table = [
        (
            title,
            f"{median(rates[title]):,.0f}",
            f"{min(rates[title]):,.0f} to {max(rates[title]):,.0f}",
            f"{median(r.load.p50_ms for r in rounds):.1f}",
            f"{p99_ms[title]:.1f}",
            str(sum(r.load.not_2xx + r.load.socket_errors for r in rounds)),
            f"{ratio[title]:.2f}",
            f"{_total_us(rounds):,.0f}",
            f"{_by_part_us(rounds)['web']:,.0f}",
            f"{median(r.settled_s for r in rounds):.1f}",
        )
        for title, rounds in by_title.items()
    ]
    to_plain, to_noop, our_p99_ms = ratio[PLAIN_WEB.title], ratio[NOOP_WEB.title], p99_ms[SERVICE_WEB.title]
    return Report(
        name="submit",
        title="Submitting: POST /api/tasks, one web process, 64 keep-alive clients",
        columns=(
            "",
            "POST/s",
            "range",
            "p50 ms",
            "p99 ms",
            "not 2xx",
            "ours ÷ this",
            "CPU µs",
            "in web",
            "all in queue after s",
        ),
        rows=list(table),
        bars=[
            Bar("at least 6 times the plain service", f"{to_plain:.2f}", to_plain >= 6),
            Bar("at least 0.35 times a no-op Flask POST on the same server", f"{to_noop:.2f}", to_noop >= 0.35),
            Bar("p99 at most 100 ms", f"{our_p99_ms:.1f} ms", our_p99_ms <= 100),
        ],
        facts=facts,
        notes=[_accounts(ours), _parts(SERVICE_WEB.title, ours), _parts(PLAIN_WEB.title, by_title[PLAIN_WEB.title])],
        data={"rounds": [asdict(r) | {"rate_per_s": r.load.rate_per_s} for r in measured]},
    )


def _by_part_us(rounds: list[Round]) -> dict[str, float]:
    return {name: median(r.cpu_us[name] for r in rounds) for name in rounds[0].cpu_us}


def _total_us(rounds: list[Round]) -> float:
    return median(sum(r.cpu_us.values()) for r in rounds)


def _parts(title: str, rounds: list[Round]) -> str:
    parts = ", ".join(f"{name} {us:,.0f}" for name, us in _by_part_us(rounds).items())
    return f"CPU time of a request to {title}, in µs: {parts}"


def _accounts(rounds: list[Round]) -> str:
    accepted, kept = sum(r.accepted for r in rounds), sum(r.kept for r in rounds)
    return f"{accepted:,} times 202 by this service, {kept:,} rows: the end of a load cuts off some answers"


def main() -> int:
    """Measure all contenders in turn, several times."""
    options = report.arguments(__doc__)
    seconds = 1 if options.quick else 3
    turns = [CONTENDERS] if options.quick else [CONTENDERS + FOR_REFERENCE] * 3 + [CONTENDERS] * 2
    with stand() as place:
        facts = report.facts(place)
        place.migrate()
        measured = [measure(place, contender, seconds) for turn in turns for contender in turn]
    report_of(measured, facts).write(options)
    return 1 if any(r.load.not_2xx or r.load.socket_errors for r in measured) else 0


if __name__ == "__main__":
    sys.exit(main())
