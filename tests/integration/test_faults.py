"""`kill -9` of each part while 500 tasks are in flight: every accepted task ends, within a minute, with one outcome."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.integration.crowd import Crowd
from tests.integration.service import SLOTS, Stack, children, wait_until
from tests.integration.witness import Witness

#: In flight when the fault comes, and submitted meanwhile.
TASKS, MORE = 500, 100
#: So that they keep both slots busy for some seconds.
SECONDS = 0.01
#: Attempts that a worker of quick tasks claims ahead at the most.
AHEAD = 64


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness")


@pytest.fixture(autouse=True)
def _whole(stack: Stack) -> Iterator[None]:
    """Each test begins and leaves with a whole stack."""
    stack.repair()
    yield
    stack.repair()


def process_killed(name: str) -> Callable[[Stack], None]:
    """A fault: one of the service's own processes dies with its children, and a supervisor starts it again."""

    def fault(stack: Stack) -> None:
        stack.processes[name].kill()
        stack.processes[name].start()

    return fault


def child_killed(stack: Stack) -> None:
    """A fault: every process of the worker's pool dies."""
    worker = stack.processes["worker"].pid
    assert worker is not None
    pool = children(worker)
    assert len(pool) >= SLOTS
    for child in pool:
        os.kill(child, signal.SIGKILL)


def rabbitmq_killed(stack: Stack) -> None:
    """A fault: the broker dies and comes back with its disk."""
    stack.servers.rabbitmq.wait_until_queues_are_on_disk()
    stack.servers.rabbitmq.kill()
    stack.servers.rabbitmq.start()


def redis_killed(stack: Stack) -> None:
    """A fault: Redis dies and comes back empty."""
    stack.servers.redis.kill()
    stack.servers.redis.start()


#: What is killed, and how many tasks are to be done before: the web process dies while it takes submissions.
FAULTS: dict[str, tuple[Callable[[Stack], None], int]] = {
    "web": (process_killed("web"), 0),
    "worker child": (child_killed, 20),
    "whole worker": (process_killed("worker"), 20),
    "keeper": (process_killed("keeper"), 20),
    "RabbitMQ": (rabbitmq_killed, 20),
    "Redis": (redis_killed, 20),
}


@pytest.mark.parametrize("name", FAULTS)
def test_every_accepted_task_ends_once(stack: Stack, witness: Witness, name: str) -> None:
    fault, done = FAULTS[name]
    crowd = Crowd(stack, witness, TASKS + MORE, SECONDS)
    # A child that dies between two tasks loses none.
    hold = crowd.held() if "worker" in name else nullcontext()
    with crowd.in_flight(accepted=TASKS, done=done), hold:
        fault(stack)
    tasks = crowd.settled()
    assert bool(crowd.refused) == (name == "web"), crowd.refused
    # The fault did hit: attempts were lost with those who ran them, and nowhere else.
    lost = [task for task in tasks if any(error["outcome"] == "lost" for error in task["errors"])]
    print(f"{len(lost)} attempts were lost")
    assert (SLOTS <= len(lost) <= SLOTS + AHEAD) if "worker" in name else not lost


def test_without_a_fault_every_task_runs_exactly_once(stack: Stack, witness: Witness) -> None:
    crowd = Crowd(stack, witness, TASKS, 0.0)
    with crowd.in_flight(accepted=1, done=1):
        pass
    crowd.settled()
    assert crowd.refused == []
    assert len(witness.said("began")) == len(witness.said("done")) == TASKS


def test_a_web_process_that_dies_is_replaced(stack: Stack) -> None:
    web = stack.processes["web"].pid
    assert web is not None
    before = children(web)
    for child in before:
        os.kill(child, signal.SIGKILL)
    started = time.monotonic()
    wait_until(lambda: children(web) and not set(children(web)) & set(before), 10, "a new process")
    stack.wait_until_ready(20)
    assert stack.run("test_noop")["state"] == "SUCCESS"
    print(f"{time.monotonic() - started:.1f} s")
