"""Tasks that a worker has claimed and no pool process has begun: they stay its own, whatever becomes of the broker."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.service import SLOTS, Stack, wait_until

BEHIND = 2
#: After so many quick runs a type counts as quick, whatever it was before.
ENOUGH = 60
#: A busy machine may run a quick type slowly, just before it matters.
TRIES, CLAIMED_S = 5, 5.0


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that tasks wait for; made at the end, so that a failed test leaves no task waiting."""
    path = tmp_path / "gate"
    yield path
    path.touch()


@pytest.fixture
def claimed(stack: Stack, gate: Path, tmp_path: Path) -> list[str]:
    """Tasks of a quick type: the first hold every slot until the gate opens, the others are claimed behind them."""
    opened = tmp_path / "opened"
    opened.touch()
    for _ in range(TRIES):
        for task_id in [_submit(stack, opened) for _ in range(ENOUGH)]:
            stack.finished(task_id)
        task_ids = [_submit(stack, gate) for _ in range(SLOTS)]
        task_ids += [_submit(stack, opened) for _ in range(BEHIND)]
        try:
            for task_id in task_ids:
                stack.wait_for(task_id, lambda task: task["state"] == "STARTED", "claimed", CLAIMED_S)
        except AssertionError:
            gate.touch()
            for task_id in task_ids:
                stack.finished(task_id)
            gate.unlink()
        else:
            return task_ids
    raise AssertionError("they were never claimed behind those that run")


def _submit(stack: Stack, gate: Path) -> str:
    task_id: str = stack.submit("test_gate", {"gate": str(gate)})["task_id"]
    return task_id


def test_they_run_when_the_broker_has_gone_away(stack: Stack, claimed: list[str], gate: Path) -> None:
    log = stack.processes["worker"].log
    seen = log.stat().st_size
    stack.servers.rabbitmq.kill()
    wait_until(lambda: b"connection" in log.read_bytes()[seen:].lower(), 20, "the worker has noticed")
    stack.repair()
    gate.touch()
    tasks = [stack.finished(task_id) for task_id in claimed]
    assert [(task["state"], task["attempt"]) for task in tasks] == [("SUCCESS", 1)] * len(claimed)


def test_they_run_before_a_worker_stops(stack: Stack, claimed: list[str], gate: Path) -> None:
    worker = stack.processes["worker"]
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: "Warm shutdown" in worker.tail(), 20, "the worker is stopping")
    gate.touch()
    assert worker.wait(20), "its grace is 30 s; these tasks take no time"
    assert worker.exit_status == 0, worker.tail()
    stack.start()
    tasks = [stack.finished(task_id) for task_id in claimed]
    assert [(task["state"], task["attempt"]) for task in tasks] == [("SUCCESS", 1)] * len(claimed)
