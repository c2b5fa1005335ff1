"""`make soak`: faults at random under a steady load, and a summary in the manner of Jepsen at the end.

    python -m tests.chaos.soak [--minutes 30] [--per-s 200] [--seed N]

The seed is printed; the same seed brings the same faults in the same order. What a run of half an hour or more showed
is put into `docs/guarantees.md`.
"""

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos.harness.faults import FAULTS
from tests.chaos.harness.guarantees import write_soak
from tests.chaos.harness.load import Load
from tests.chaos.harness.oracle import Oracle, Verdict
from tests.chaos.harness.report import ROOT, machine, rabbitmq_version, versions
from tests.chaos.harness.row import CONVERGES_S
from tests.chaos.harness.system import System, running_system
from tests.integration.service import wait_until
from tests.integration.witness import Witness

#: Shorter runs are tries.
DOCUMENTED_MINUTES = 30
#: Between the end of a fault and the next, in seconds.
QUIET_S = (2.0, 8.0)
#: Clients wait while more than this is not over: a slow machine makes the run slower, and no backlog without end.
BEHIND = 5000
#: Of the worker: its handlers wait for the disk, twice each, and not for a core.
SLOTS = 8
#: The service must have caught up at the end; what it was behind is bounded by the last faults, in seconds.
SETTLES_S = 300.0


@dataclass
class Soak:
    """What was seen on the way."""

    faults: Counter[str] = field(default_factory=Counter)
    #: From a fault's end until the service said that it is ready, in seconds.
    ready_s: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--per-s", type=float, default=200.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}, {arguments.minutes:g} minutes, {arguments.per_s:g} tasks/s", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        with running_system(folder, WORKER_CONCURRENCY=str(SLOTS)) as system:
            figures, wrong = _soak(system, folder, arguments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures, indent=2))
    if arguments.minutes >= DOCUMENTED_MINUTES:
        print(f"written: {write_soak(figures, wrong).relative_to(ROOT)}")
    print("\nNothing was lost." if not wrong else "\nNOT KEPT:\n  " + "\n  ".join(wrong))
    return int(bool(wrong))


def _soak(system: System, folder: Path, arguments: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    """The figures, and what was not kept."""
    chance = random.Random(arguments.seed)
    load = Load(system, folder, per_s=arguments.per_s, work_s=0.0, clients=16)
    oracle = Oracle(system.rows, Witness(load.witness_path))
    soak = Soak()
    until = time.monotonic() + 60 * arguments.minutes
    load.start()
    try:
        while time.monotonic() < until:
            time.sleep(chance.uniform(*QUIET_S))
            _one_fault(system, oracle, chance, soak)
            _let_catch_up(oracle, load)
    finally:
        load.stop()
    ended_at = time.monotonic()
    with suppress(AssertionError):
        # What is stuck is for the judge to name.
        wait_until(lambda: oracle.live() == 0, SETTLES_S, "all over")
    verdict = oracle.judge(load.promises)
    verdict.recovery_s = time.monotonic() - ended_at
    promises = load.promises
    asked = {
        "minutes": round(arguments.minutes),
        "tasks/s asked for": round(arguments.per_s),
        "tasks/s reached, since clients wait for what is behind": round(verdict.accepted / (60 * arguments.minutes)),
        "seed": str(arguments.seed),
    }
    ours, others = _errors_of_ours(promises.problems, system.raised_in_web)
    wrong = [*verdict.broken("failed"), *soak.problems, *others[:5]]
    answered = {"answered with 500, where a failpoint raised what nobody expects": ours}
    return asked | _figures(verdict, soak, load) | answered, wrong


def _errors_of_ours(problems: list[str], raised: int) -> tuple[int, list[str]]:
    """How many of the answers with 500 the raised errors account for, and the problems that are left."""
    errors = [problem for problem in problems if problem.startswith("500 ")]
    ours = min(len(errors), raised)
    return ours, errors[ours:] + [problem for problem in problems if problem not in errors]


def _one_fault(system: System, oracle: Oracle, chance: random.Random, soak: Soak) -> None:
    name = chance.choice(sorted(FAULTS))
    seconds = chance.uniform(0.5, 6.0)
    print(f"{time.strftime('%H:%M:%S')} {name} for {seconds:.1f} s", flush=True)
    soak.faults[name] += 1
    try:
        FAULTS[name](system, chance, seconds)
    except Exception as error:  # the run goes on, and says so at its end
        soak.problems.append(f"{name}: {error!r}"[:300])
    gone_at = time.monotonic()
    try:
        system.repair()
        soak.ready_s.append(time.monotonic() - gone_at)
    except AssertionError as error:
        soak.problems.append(f"not ready {CONVERGES_S:g} s after {name}: {error}"[:500])
    soak.rss_mb.append(_rss_mb(system))
    with suppress(psycopg.Error):
        oracle.look()


def _let_catch_up(oracle: Oracle, load: Load) -> None:
    live = oracle.live()
    if live <= BEHIND:
        return
    print(f"{time.strftime('%H:%M:%S')} {live} tasks behind: clients wait", flush=True)
    load.pause()
    try:
        wait_until(lambda: oracle.live() < BEHIND / 2, SETTLES_S, "the service catches up")
    finally:
        load.go_on()


def _rss_mb(system: System) -> float:
    """Of the web process, by its own process and those it made."""
    pid = system.processes["web"].pid
    total = 0
    for statm in Path("/proc").glob("[0-9]*/statm"):
        with suppress(OSError, ValueError):
            parent = int((statm.parent / "stat").read_text().rpartition(")")[2].split()[1])
            if pid in (int(statm.parent.name), parent):
                total += int(statm.read_text().split()[1])
    return total * os.sysconf("SC_PAGE_SIZE") / 2**20


def _figures(verdict: Verdict, soak: Soak, load: Load) -> dict[str, Any]:
    """The summary."""
    promises = load.promises
    return {
        "attempted": len(promises.labels),
        "acknowledged": verdict.accepted,
        "refused or unknown": verdict.refused,
        "lost": len(verdict.lost),
        "phantom": len(verdict.phantom),
        "two outcomes": len(verdict.two_outcomes),
        "stuck": len(verdict.stuck),
        "begun twice under one number": len(verdict.undone),
        "ended otherwise than in success": len(verdict.failed),
        "starts": verdict.starts,
        "extra starts": verdict.extra_starts,
        "attempts that ended before": verdict.accounted_starts,
        "extra starts without such an end": len(verdict.unaccounted),
        "ends": verdict.ends,
        "faults": dict(sorted(soak.faults.items())),
        "ready after a fault, worst s": round(max(soak.ready_s, default=0.0), 1),
        "all over after the last s": round(verdict.recovery_s, 1),
        "accepted p50 ms": round(promises.percentile_ms(0.5), 1),
        "accepted p99 ms": round(verdict.p99_ms, 1),
        "slowest request s": round(verdict.slowest_s, 1),
        "web RSS MB, first and last": [round(soak.rss_mb[0]), round(soak.rss_mb[-1])] if soak.rss_mb else [],
        "machine": machine(),
        "servers": f"{rabbitmq_version()}, {versions()}",
        "ended": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


if __name__ == "__main__":
    sys.exit(main())
