"""Memory of an idle web process and of an idle embedded service, from /proc/PID/smaps_rollup.

python -m benchmarks.memory [--quick] [--json FILE] [--markdown docs/performance.md]
"""

import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import report
from benchmarks.contenders import PLAIN_WEB, SERVICE_EMBEDDED, SERVICE_WEB, Contender
from benchmarks.load import preload
from benchmarks.processes import family
from benchmarks.report import Bar, Report
from benchmarks.running import Running, Stand, stand

_WEB_PROCESS_MB = 90
_EMBEDDED_MB = 130


@dataclass(frozen=True)
class Memory:
    """What one contender takes: all processes that its command started."""

    contender: str
    when: str
    processes: int
    #: The largest of them: the one that serves, beside a server's supervisor.
    largest_rss_mb: float
    rss_mb: float
    #: Memory shared with other processes is counted by its share.
    pss_mb: float


def measure(
    place: Stand, contender: Contender, environment: Mapping[str, str], *, idle_s: int, tasks: int
) -> list[Memory]:
    """Once after the start, once after it has had some submissions: what a long-lived process comes to."""
    with place.running(contender, environment) as running:
        time.sleep(idle_s)
        fresh = _memory(running, "after its start")
        preload(running.base_url, {"task_type": "noop"}, tasks)
        time.sleep(idle_s)
        return [fresh, _memory(running, "after submissions")]


def _memory(running: Running, when: str) -> Memory:
    sizes = [_sizes_mb(pid) for pid in family(running.pid)]
    rss_mb, pss_mb = zip(*sizes, strict=True)
    return Memory(running.contender.title, when, len(sizes), max(rss_mb), sum(rss_mb), sum(pss_mb))


def _sizes_mb(pid: int) -> tuple[float, float]:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return kib["Rss"] * 1024 / 1e6, kib["Pss"] * 1024 / 1e6


def report_of(measured: list[Memory], facts: dict[str, str]) -> Report:
    """The sizes, and the bars."""
    fresh = {memory.contender: memory for memory in measured if memory.when == "after its start"}
    web_mb = fresh[SERVICE_WEB.title].largest_rss_mb
    embedded_mb = fresh[SERVICE_EMBEDDED.title].rss_mb
    return Report(
        name="memory",
        title="Memory of idle processes",
        columns=("", "processes", "largest RSS MB", "sum of RSS MB", "sum of PSS MB"),
        rows=[
            (
                f"{m.contender}, {m.when}",
                str(m.processes),
                f"{m.largest_rss_mb:.1f}",
                f"{m.rss_mb:.1f}",
                f"{m.pss_mb:.1f}",
            )
            for m in measured
        ],
        bars=[
            Bar(f"idle web process, RSS at most {_WEB_PROCESS_MB} MB", f"{web_mb:.1f} MB", web_mb <= _WEB_PROCESS_MB),
            Bar(
                f"idle embedded service, RSS of all its processes at most {_EMBEDDED_MB} MB",
                f"{embedded_mb:.1f} MB",
                embedded_mb <= _EMBEDDED_MB,
            ),
        ],
        facts=facts,
        data={"measured": [asdict(memory) for memory in measured]},
    )


def main() -> int:
    """Measure each contender once."""
    options = report.arguments(__doc__)
    idle_s, tasks = (1, 50) if options.quick else (5, 2000)
    with stand() as place:
        facts = report.facts(place)
        place.migrate()
        full = place.servers.environment
        nothing = dict.fromkeys(full, "")
        measured = [
            memory
            for contender, environment in ((SERVICE_WEB, full), (SERVICE_EMBEDDED, nothing), (PLAIN_WEB, full))
            for memory in measure(place, contender, environment, idle_s=idle_s, tasks=tasks)
        ]
    report_of(measured, facts).write(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
