"""What many tasks need goes away, so that all fail, and comes back."""

import os
import time
from collections import Counter
from itertools import accumulate
from pathlib import Path

import pytest

from tests.chaos.harness.row import Steps, row
from tests.chaos.harness.system import System
from tests.integration.service import SLOTS
from tests.task_types_for_tests import NEEDS_S

HERD = "Who failed together comes back spread over time, no more at once than there are slots, and all succeed."
COUNT = int(os.environ.get("CHAOS_HERD", "5000"))
_BATCH = 1000
#: Tenths of the time in which retries may come; of an even spread each holds a tenth.
TENTHS, LEAST, MOST = 10, 0.05, 0.15


@row(
    "F26",
    f"what {COUNT:,} tasks need goes away until all have failed, and comes back",
    promise=HERD,
    during_s=0,
    per_s=10,
    p99_ms=None,
    converges_s=120,
)
def test_a_herd(system: System, tmp_path_factory: pytest.TempPathFactory) -> Steps:
    away = tmp_path_factory.mktemp("herd") / "away"
    away.touch()
    submit(system, away)
    first = first_waits(system, away)
    yield
    away.unlink()
    back_at = time.monotonic()
    while left := count(system, away, "state <> 'SUCCESS'"):
        assert time.monotonic() < back_at + 240, f"{left} are not over"
        time.sleep(0.1)
    most = at_once(Path(f"{away}.asked"))
    tenths = Counter(min(TENTHS - 1, int(TENTHS * wait_s / NEEDS_S)) for wait_s in first.values())
    print(f"all over {time.monotonic() - back_at:.1f} s after it was back; at most {most} at once; waits {tenths}")
    yield
    assert most <= SLOTS, f"{most} asked at once"
    shares = [tenths[tenth] / COUNT for tenth in range(TENTHS)]
    assert all(LEAST < share < MOST for share in shares), shares


def submit(system: System, away: Path) -> None:
    task = {"task_type": "test_needs", "parameters": {"gate": str(away)}, "priority": "low"}
    for _ in range(0, COUNT, _BATCH):
        answer = system.request("POST", "/api/tasks/batch", json={"tasks": [task] * min(_BATCH, COUNT)}, timeout_s=60)
        assert answer.status_code == 202, answer.text


def first_waits(system: System, away: Path) -> dict[str, float]:
    """Wait until all have failed; answers how long each was told to wait then, in seconds."""
    found: dict[str, float] = {}
    until = time.monotonic() + 240
    while True:
        all_have = count(system, away, "attempt = 0") == 0
        # One that waits very little may be tried again between two looks.
        found |= waits_of_first_failures(system, away)
        if all_have:
            return found
        assert time.monotonic() < until, f"{count(system, away, 'attempt = 0')} were never tried"
        time.sleep(0.2)


def waits_of_first_failures(system: System, away: Path) -> dict[str, float]:
    return dict(
        system.rows(
            "SELECT id::text, extract(epoch FROM run_at - attempts.finished_at)::float"
            " FROM tasks JOIN attempts ON task_id = id AND attempts.attempt = 1 AND tasks.attempt = 1"
            f" WHERE state = 'RETRY' AND parameters ->> 'gate' = '{away}'"
        )
    )


def at_once(asked: Path) -> int:
    """How many asked at the same moment, at the most."""
    lines = [line.split() for line in asked.read_text(encoding="utf-8").splitlines()]
    assert len(lines) >= COUNT
    steps = sorted([(float(began), 1) for began, _ in lines] + [(float(ended), -1) for _, ended in lines])
    return max(accumulate(step for _, step in steps))


def count(system: System, away: Path, condition: str) -> int:
    """How many of them are so."""
    ours = f"task_type = 'test_needs' AND parameters ->> 'gate' = '{away}'"
    [(found,)] = system.rows(f"SELECT count(*) FROM tasks WHERE {ours} AND {condition}")
    return int(found)
