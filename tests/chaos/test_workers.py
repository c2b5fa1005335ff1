"""Workers that hang, come back from the dead, crash, or are replaced under load."""

import os
import signal
import time

import pytest

from tests.chaos.harness.row import Steps, row
from tests.chaos.harness.system import LANES, System
from tests.integration.service import LEASE_S, children, wait_until

FENCED = "Of a worker that was taken for dead nothing is accepted any more: its tasks run elsewhere, with one outcome."
SLOT = "What kills its process takes nothing with it but itself."


@row(
    "F4",
    "SIGSTOP of the worker and its pool, past its leases, then SIGCONT",
    promise=FENCED,
    tells="workers",
    loses_attempts=True,
    during_s=2 * LEASE_S,
)
def test_a_zombie(system: System) -> Steps:
    worker = system.processes["worker"].pid
    assert worker
    stopped = [worker, *children(worker)]
    other = system.process("other", "task_system", "worker", *LANES, ROLE="worker")
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    yield
    # Another takes over what the first had, and the first wakes up amid it.
    other.start()
    try:
        time.sleep(2)
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
        time.sleep(2)
    finally:
        other.send_signal(signal.SIGTERM)
        other.stop(20)
    yield


@row("F4", "SIGSTOP of one pool process for twice its lease, then SIGCONT", promise=FENCED, during_s=2 * LEASE_S)
def test_a_hanging_pool_process_keeps_its_lease(system: System) -> Steps:
    worker = system.processes["worker"].pid
    assert worker
    child = children(worker)[-1]
    os.kill(child, signal.SIGSTOP)
    yield
    os.kill(child, signal.SIGCONT)


@row("F4", "kill -9 of the worker and of all its pool, three times", promise=FENCED, loses_attempts=True, during_s=6)
def test_a_worker_dies_again_and_again(system: System) -> Steps:
    for _ in range(3):
        system.processes["worker"].kill()
        wait_until(lambda: system.processes["worker"].running, 10, "it is started again")
        time.sleep(1)
    yield


@pytest.mark.parametrize("task_type", ["test_exit", "test_segfault"])
@row("F25", "20 poison tasks ({task_type}) among the others", promise=SLOT, loses_attempts=True, converges_s=90)
def test_poison(system: System, task_type: str) -> Steps:
    poison = [system.submit(task_type, priority="low")["task_id"] for _ in range(20)]
    yield
    yield
    for task_id in poison:
        task = system.finished(task_id, timeout_s=90)
        assert (task["state"], task["error"]["type"], task["attempt"]) == ("FAILURE", "PoisonTask", 3), task


@row("F5", "20 tasks that do not stop at their time limit", promise=SLOT, converges_s=120)
def test_deaf_tasks(system: System) -> Steps:
    deaf = [system.submit("test_deaf", priority="high")["task_id"] for _ in range(4)]
    yield
    yield
    for task_id in deaf:
        assert system.finished(task_id, timeout_s=60)["error"]["type"] == "TimeLimitExceeded"


@row("F5", "20 tasks whose memory runs out (MemoryError) among the others", promise=SLOT)
def test_memory_runs_out(system: System) -> Steps:
    greedy = [system.submit("test_allocate", {"count": 2**62}, priority="high")["task_id"] for _ in range(20)]
    yield
    yield
    for task_id in greedy:
        task = system.finished(task_id, timeout_s=30)
        assert (task["state"], task["error"]["type"], task["attempt"]) == ("FAILURE", "MemoryError", 1), task


@row(
    "F28",
    "a task that runs three times as long as its lease",
    promise="Heartbeats keep a lease as long as it takes.",
    during_s=3 * LEASE_S,
    work_s=0.05,
    per_s=20,
    every_change=False,
)
def test_longer_than_its_lease(system: System) -> Steps:
    long = system.submit("test_witnessed", {"seconds": 3 * LEASE_S})["task_id"]
    yield
    yield
    task = system.finished(long, timeout_s=40)
    assert (task["state"], task["attempt"]) == ("SUCCESS", 1)
