"""A large CSV file through `data_processing`: resident memory, time, longest gap between progress reports.

python -m benchmarks.large_file [--quick] [--json FILE] [--markdown docs/performance.md]
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.report import Bar, Report
from task_system.task_types.data_processing import DataParameters, data_processing
from task_system.testing import FakeContext

_LIMIT_MB = 150
_RUNS: dict[str, dict[str, Any]] = {
    "statistics": {},
    "filter": {"filter": [{"column": "amount", "is": "gt", "value": 100}], "output": "csv"},
    "groups": {
        "group_by": {"columns": ["city"], "aggregates": [{"function": "mean", "column": "amount"}]},
        "output": "csv",
    },
    "sort": {"sort": {"columns": ["amount"]}, "output": "csv"},
    "duplicates": {"deduplicate": ["note"], "output": "csv"},
}


@dataclass(frozen=True)
class Ran:
    """One run over a file."""

    name: str
    rows: int
    took_s: float
    cpu_s: float
    peak_mb: float
    gap_s: float
    megabytes: int = 0


class _Watched(FakeContext):
    """Remembers the longest time without a report, and no report."""

    longest_gap_s = 0.0
    last_s: float | None = None

    def progress(self, percent: float, message: str = "", **fields: Any) -> None:  # noqa: ARG002 - as of Context
        now = time.monotonic()
        self.longest_gap_s = max(self.longest_gap_s, now - (self.last_s or now))
        self.last_s = now


def make(path: Path, megabytes: int) -> None:
    """Ids, few cities, normal amounts, days, notes of which one in ten is there twice."""
    draw = random.Random(1)
    with path.open("w") as file:
        file.write("id,city,amount,day,note\n")
        number = 0
        while file.tell() < megabytes * 1_000_000:
            file.writelines(
                f"{number + n},city{n % 50},{draw.gauss(100, 15):.6f},2024-01-{n % 28 + 1:02},"
                f"a note that is number {draw.randrange(megabytes * 80_000)}\n"
                for n in range(10_000)
            )
            number += 10_000


def run(folder: Path, name: str) -> None:
    """In a process of its own, so that its peak is its own."""
    ctx = _Watched(folder)
    started = time.monotonic()
    result = data_processing(ctx, DataParameters.model_validate({"file": "large.csv", **_RUNS[name]}))
    ran = Ran(
        name=name,
        rows=result.rows if result.format != "text" else 0,
        took_s=time.monotonic() - started,
        cpu_s=time.process_time(),
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
        gap_s=ctx.longest_gap_s,
    )
    print(json.dumps(asdict(ran)))


def measure(megabytes: int, names: Sequence[str]) -> list[Ran]:
    """Make a file, and run each in turn."""
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "files").mkdir()
        make(Path(place) / "files" / "large.csv", megabytes)
        return [_ran(place, megabytes, name) for name in names]


def _ran(place: str, megabytes: int, name: str) -> Ran:
    command = [sys.executable, "-m", "benchmarks.large_file", "--inside", place, name]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Ran(**{**json.loads(said), "megabytes": megabytes})


def report_of(runs: Sequence[Ran], facts: dict[str, str]) -> Report:
    """Memory and times, and the bars."""
    most, gap = (max(runs, key=lambda one: getattr(one, by)) for by in ("peak_mb", "gap_s"))
    return Report(
        name="large-file",
        title=f"A CSV file of {max(one.megabytes for one in runs):,} MB through data_processing",
        columns=("", "MB", "rows", "s", "of that CPU", "peak RSS MB", "longest without progress, s"),
        rows=[
            (
                one.name,
                f"{one.megabytes:,}",
                f"{one.rows:,}",
                f"{one.took_s:.1f}",
                f"{one.cpu_s:.1f}",
                f"{one.peak_mb:.0f}",
                f"{one.gap_s:.2f}",
            )
            for one in runs
        ],
        bars=[
            Bar(f"at most {_LIMIT_MB} MB", f"{most.peak_mb:.0f} MB ({most.name})", most.peak_mb <= _LIMIT_MB),
            Bar("progress at least every second", f"{gap.gap_s:.2f} s ({gap.name})", gap.gap_s <= 1),
        ],
        facts=facts,
        data={"runs": [asdict(one) for one in runs]},
    )


def main() -> int:
    """The largest file once, a smaller one in every way; cancelling is looked for wherever progress is told."""
    if sys.argv[1:2] == ["--inside"]:
        run(Path(sys.argv[2]), sys.argv[3])
        return 0
    options = report.arguments(__doc__)
    large_mb, small_mb = (20, 5) if options.quick else (1000, 100)
    runs = [*measure(large_mb, ["statistics"]), *measure(small_mb, list(_RUNS))]
    report_of(runs, report.machine("none", ("pydantic",))).write(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
