"""Tasks that a worker has claimed ahead, for which it has no slot: they are begun once, whatever becomes of it."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.service import SLOTS, Json, Service, Stack, wait_until

BEHIND = 2
#: After so many quick runs a type counts as quick, whatever it was before.
ENOUGH = 60
#: What is said of attempts that were handed back without having begun.
NOT_BEGUN = {
    "It was claimed ahead, and waited too long for a slot.",
    "The worker stopped before the attempt had begun.",
}
#: A busy machine may run a quick type slowly, just before it matters.
TRIES, CLAIMED_S = 5, 5.0


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that tasks wait for; made at the end, so that a failed test leaves no task waiting."""
    path = tmp_path / "gate"
    yield path
    path.touch()


def claimed_ahead(service: Service, gate: Path) -> tuple[list[str], list[str]]:
    """Tasks of a quick type: the first hold every slot until the gate opens, the others were claimed behind them."""
    opened = gate.with_name("opened")
    opened.touch()
    for _ in range(TRIES):
        for task_id in [_submit(service, opened) for _ in range(ENOUGH)]:
            service.finished(task_id)
        running = [_submit(service, gate) for _ in range(SLOTS)]
        behind = [_submit(service, opened) for _ in range(BEHIND)]
        try:
            for task_id in running + behind:
                service.wait_for(task_id, lambda task: task["attempt"] == 1, "claimed", CLAIMED_S)
        except AssertionError:
            gate.touch()
            for task_id in running + behind:
                service.finished(task_id)
            gate.unlink()
        else:
            return running, behind
    raise AssertionError("they were never claimed behind those that run")


def _submit(service: Service, gate: Path) -> str:
    task_id: str = service.submit("test_gate", {"gate": str(gate)})["task_id"]
    return task_id


def assert_begun_once(task: Json) -> None:
    """It succeeded, and what it may have had before was handed back without having begun."""
    assert task["state"] == "SUCCESS", task
    for error in task["errors"]:
        assert error["outcome"] == "handed_back", task
        assert error["message"] in NOT_BEGUN, task
    assert task["attempt"] == len(task["errors"]) + 1


def test_they_are_handed_back_when_what_runs_before_them_takes_long(service: Service, gate: Path) -> None:
    running, behind = claimed_ahead(service, gate)
    for task_id in behind:
        service.wait_for(task_id, lambda task: task["state"] == "PENDING" and task["errors"], "handed back")
    service.wait_until_reserved(behind)
    explanation = service.get(f"/api/tasks/{behind[-1]}/explain").json()
    assert explanation["code"] == "waiting"
    assert [service.task(task_id)["state"] for task_id in running] == ["STARTED"] * SLOTS
    gate.touch()
    for task_id in running + behind:
        assert_begun_once(service.finished(task_id))


def test_they_run_when_the_broker_has_gone_away(stack: Stack, gate: Path) -> None:
    running, behind = claimed_ahead(stack, gate)
    log = stack.processes["worker"].log
    seen = log.stat().st_size
    stack.servers.rabbitmq.kill()
    wait_until(lambda: b"connection" in log.read_bytes()[seen:].lower(), 20, "the worker has noticed")
    stack.repair()
    gate.touch()
    for task_id in running + behind:
        assert_begun_once(stack.finished(task_id))


def test_they_run_before_a_worker_stops_or_after(stack: Stack, gate: Path) -> None:
    running, behind = claimed_ahead(stack, gate)
    worker = stack.processes["worker"]
    worker.send_signal(signal.SIGTERM)
    wait_until(lambda: "Warm shutdown" in worker.tail(), 20, "the worker is stopping")
    gate.touch()
    assert worker.wait(20), "its grace is 30 s; these tasks take no time"
    assert worker.exit_status == 0, worker.tail()
    stack.start()
    for task_id in running + behind:
        assert_begun_once(stack.finished(task_id))
