"""`make chaos`: every row of the failure matrix, a summary, and `docs/guarantees.md`.

    python -m tests.chaos [--minutes 45] [--again] [PYTEST ARGUMENT...]

Rows run on the machine's own RabbitMQ (RABBITMQ_SERVER names another); those in which the kernel disturbs the network
run in one of their own. Where RABBITMQ_SERVER_4 names the start program of a 4.x, the broker's rows run once more on
it, and those that need three nodes, in a network of their own. What passed before is not run again, so that an
interrupted run is taken up; `--again` runs it, and arguments for pytest choose which. Past its minutes no row begins.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.chaos.harness.guarantees import summary, write
from tests.chaos.harness.report import RESULTS, ROOT

FOLDER = ROOT / "var" / "chaos"
#: What pytest answers where no test was left to run.
NOTHING_LEFT = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=45.0)
    parser.add_argument("--again", action="store_true", help="run what passed before, too")
    parser.add_argument("--no-document", action="store_true", help="leave docs/guarantees.md as it is")
    arguments, others = parser.parse_known_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    results = FOLDER / "results.jsonl"
    if arguments.again and not others:
        results.unlink(missing_ok=True)
    if arguments.again:
        os.environ["CHAOS_AGAIN"] = "1"
    until = time.time() + 60 * arguments.minutes
    statuses = [_pytest(results, until, ["-m", "chaos_row and not cluster and not own_network", *others])]
    statuses.append(_pytest(results, until, ["-m", "own_network", *others], alone=True))
    if newer := os.environ.get("RABBITMQ_SERVER_4"):
        statuses.append(_pytest(results, until, ["-m", "broker", *others], RABBITMQ_SERVER=newer))
        statuses.append(_pytest(results, until, ["-m", "cluster", *others], alone=True, RABBITMQ_SERVER=newer))
    else:
        print("\nRABBITMQ_SERVER_4 names no RabbitMQ 4.x: its rows, and those of three nodes, are left out.")
    print(summary(results))
    if not arguments.no_document and results.exists():
        print(f"written: {write(results).relative_to(ROOT)}")
    return int(any(status not in {0, NOTHING_LEFT} for status in statuses))


def _pytest(results: Path, until: float, arguments: list[str], *, alone: bool = False, **environment: str) -> int:
    """Run rows; alone: in a network of their own, where the machine lets us make one."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        str(ROOT / "tests" / "chaos"),
        *arguments,
    ]
    if alone:
        if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("ip") and shutil.which("iptables")):
            print("\nA network of its own needs root, unshare, ip and iptables: its rows are left out.")
            return NOTHING_LEFT
        up = 'ip link set lo up && exec "$@"'
        command = ["unshare", "--net", "sh", "-c", up, "sh", *command]
        environment |= {"CHAOS_NETWORK": "own"}
    told = {"CHAOS": "all", "CHAOS_UNTIL": str(until), RESULTS: str(results)}
    try:
        # Rows look at the time themselves; this ends a run that hangs.
        return subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | told | environment,
            check=False,
            timeout=max(60, until - time.time() + 300),
        ).returncode
    except subprocess.TimeoutExpired:
        print("\nThe run was ended: it took longer than its time.")
        return 1


if __name__ == "__main__":
    sys.exit(main())
