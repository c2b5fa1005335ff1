"""A large CSV file through `data_processing`: resident memory, time, longest gap between progress reports.

python -m benchmarks.large_file [--megabytes 200] [--only statistics]
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

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
    print(
        json.dumps(
            {
                "rows": result.rows if result.format != "text" else 0,
                "s": time.monotonic() - started,
                "cpu_s": time.process_time(),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
                "gap_s": ctx.longest_gap_s,
            }
        )
    )


def main() -> int:
    """Make the file, run each in turn; 1 when one took more memory than it may."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--megabytes", type=int, default=200)
    arguments.add_argument("--only", choices=_RUNS)
    arguments.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.inside:
        run(options.inside, options.only)
        return 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "files").mkdir()
        make(folder / "files" / "large.csv", options.megabytes)
        print(f"{options.megabytes} MB")
        worst = 0.0
        for name in [options.only] if options.only else _RUNS:
            command = [sys.executable, "-m", "benchmarks.large_file", "--inside", place, "--only", name]
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            worst = max(worst, found["peak_mb"])
            print(
                f"{name:11} {found['rows']:>9,} rows {found['s']:6.1f} s ({found['cpu_s']:.1f} s CPU) "
                f"peak {found['peak_mb']:.0f} MB, longest without progress {found['gap_s']:.2f} s"
            )
    print(f"at most {_LIMIT_MB} MB: {'met' if worst <= _LIMIT_MB else 'MISSED'}")
    return 0 if worst <= _LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())
