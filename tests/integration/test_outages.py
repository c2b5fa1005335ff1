"""A part is away for a while: what still works, what is said, and that all is made good when it is back."""

import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
import requests

from tests.integration.crowd import Crowd
from tests.integration.service import GRACE_S, SLOTS, Service, Stack, wait_until
from tests.integration.witness import Witness
from tests.standstill import Stopwatch

BACK_S = 60.0
WORKER = ("task_system", "worker", "default")


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness")


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that tasks wait for; made at the end, so that a failed test leaves no task waiting."""
    path = tmp_path / "gate"
    yield path
    path.touch()


@pytest.fixture(autouse=True)
def _whole(stack: Stack) -> Iterator[None]:
    """Each test begins and leaves with a whole stack."""
    stack.repair()
    yield
    stack.repair()


def not_ready(stack: Stack) -> dict[str, str]:
    """What is wrong, by the check's name; empty when nothing is."""
    answer = stack.get("/api/health/ready")
    if answer.status_code == 200:
        return {}
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1
    said = answer.json()
    wrong = {name: check["detail"] for name, check in said["checks"].items() if check["status"] != "ok"}
    assert all(name in said["detail"] for name in wrong)
    return wrong


def wait_until_wrong(stack: Stack, name: str) -> str:
    """What readiness says of a part that is away; it tells within 15 s."""
    wrong: str = wait_until(lambda: not_ready(stack).get(name), 15, f"{name} is not ready")
    return wrong


def block(service: Service, gate: Path) -> list[str]:
    """Keep every slot busy until the gate opens."""
    task_ids = [service.submit("test_slow_gate", {"gate": str(gate)})["task_id"] for _ in range(SLOTS)]
    for task_id in task_ids:
        service.wait_for(task_id, lambda task: task["state"] == "STARTED", "a slot is taken")
    return task_ids


# RabbitMQ.


def test_without_rabbitmq_submissions_are_accepted_and_run_when_it_is_back(stack: Stack, witness: Witness) -> None:
    stack.servers.rabbitmq.wait_until_queues_are_on_disk()
    stack.servers.rabbitmq.stop()
    crowd = Crowd(stack, witness, 200, 0.0)
    started = time.monotonic()
    crowd.submit()
    print(f"200 submissions in {time.monotonic() - started:.1f} s without RabbitMQ")
    assert crowd.refused == []
    assert "RabbitMQ" in wait_until_wrong(stack, "broker")
    assert witness.said("began") == []
    stack.servers.rabbitmq.start()
    crowd.settled()


def test_a_memory_alarm_stops_dispatching_and_no_submission(stack: Stack, witness: Witness) -> None:
    rabbitmq = stack.servers.rabbitmq
    rabbitmq.ctl("set_vm_memory_high_watermark", "absolute", "1")
    try:
        wait_until(lambda: "memory" in rabbitmq.ctl("eval", "rabbit_alarm:get_alarms()."), 20, "the alarm")
        crowd = Crowd(stack, witness, 100, 0.0)
        crowd.submit()
        assert crowd.refused == []
        assert witness.said("began") == []
    finally:
        rabbitmq.ctl("set_vm_memory_high_watermark", "0.6")
    crowd.settled()


PURGED = "purge_queue"
DELETED = "delete_queue"


@pytest.mark.parametrize("how", [PURGED, DELETED])
def test_messages_that_the_broker_lost_are_dispatched_anew(
    stack: Stack, witness: Witness, gate: Path, how: str
) -> None:
    block(stack, gate)
    crowd = Crowd(stack, witness, 60, 0.0, delayed=False)
    crowd.submit()
    wait_until(lambda: crowd.published() == 60, 20, lambda: f"60 confirmed, not {crowd.published()}")
    for priority in ("high", "normal", "low"):
        stack.servers.rabbitmq.ctl(how, "--vhost", "task_system", f"default.{priority}")
    gate.touch()
    crowd.settled()
    assert stack.run("test_noop", priority="low")["state"] == "SUCCESS"


FORGET = """
    {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"task_system">>, queue, <<"default.low">>)),
    [ra:process_command(amqqueue:get_pid(Q), rabbit_fifo:make_checkout({element(2, C), element(1, C)}, cancel, #{}))
        || C <- rabbit_amqqueue:consumers(Q)], ok."""


def test_a_worker_that_the_broker_forgot_consumes_again(stack: Stack) -> None:
    stack.servers.rabbitmq.ctl("eval", FORGET)
    task_id = stack.submit("test_noop", priority="low")["task_id"]
    assert stack.finished(task_id, BACK_S)["state"] == "SUCCESS"


# The database.


def test_without_the_database_everything_is_503_within_two_seconds_and_recovers(
    stack: Stack, witness: Witness, gate: Path
) -> None:
    running = block(stack, gate)
    task_id = stack.run("data_processing", {"data": "kept in Redis"})["task_id"]
    stack.servers.postgresql.stop_immediately()
    asks: list[Callable[[], requests.Response]] = [
        lambda: stack.post({"task_type": "test_noop"}),
        lambda: stack.get(f"/api/tasks/{running[0]}"),
        lambda: stack.get("/api/health/ready"),
    ]
    for ask in asks * 3:
        watch = Stopwatch()
        answer = ask()
        assert watch.s < 2
        assert answer.status_code == 503, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert int(answer.headers["Retry-After"]) >= 1
        assert "psycopg" not in answer.text
        assert "sqlalche" not in answer.text
    assert set(not_ready(stack)) >= {"database", "migrations", "workers", "keeper"}
    assert stack.get("/api/health/live").status_code == 200
    assert stack.task(task_id)["state"] == "SUCCESS"
    # What runs goes on, and its end is recorded when that can be done.
    gate.touch()
    stack.servers.postgresql.start()
    crowd = Crowd(stack, witness, 50, 0.0)
    crowd.submit()
    crowd.settled()
    for blocked in running:
        task = stack.finished(blocked, timeout_s=BACK_S)
        assert (task["state"], task["attempt"]) == ("SUCCESS", 1)


# Redis.


def test_without_redis_nothing_fails(stack: Stack) -> None:
    stack.servers.redis.stop()
    task = stack.run("test_flaky", {"times": 1})
    assert task["state"] == "SUCCESS"
    assert "Redis" in wait_until_wrong(stack, "redis")
    stack.servers.redis.start()
    assert stack.run("test_noop")["state"] == "SUCCESS"
    assert stack.task(task["task_id"])["state"] == "SUCCESS"


def test_a_redis_that_hangs_costs_little_time(stack: Stack) -> None:
    task_id = stack.run("test_noop")["task_id"]
    stack.servers.redis.send_signal(signal.SIGSTOP)
    try:
        times = []
        for _ in range(5):
            watch = Stopwatch()
            assert stack.task(task_id)["state"] == "SUCCESS"
            times.append(watch.s)
        assert max(times) < 2, times
        assert stack.run("test_noop")["state"] == "SUCCESS"
    finally:
        stack.servers.redis.send_signal(signal.SIGCONT)


# Workers and keeper.


@pytest.mark.parametrize(
    ("name", "check", "said"),
    [
        ("types_worker", "workers", "data_processing, email_sending, file_processing"),
        ("keeper", "keeper", "no live keeper"),
    ],
)
def test_readiness_tells_who_is_missing(stack: Stack, name: str, check: str, said: str) -> None:
    process = stack.processes[name]
    process.send_signal(signal.SIGTERM)
    assert process.wait(20), process.tail()
    assert process.exit_status == 0, process.tail()
    # Who stops in order signs off, and need not be missed first.
    assert said in not_ready(stack)[check]


def test_a_worker_that_is_asked_to_stop_finishes_what_it_runs(stack: Stack, witness: Witness) -> None:
    parameters = {"file": str(witness.path), "seconds": GRACE_S / 2}
    running = [stack.submit("test_witnessed", parameters)["task_id"] for _ in range(SLOTS)]
    wait_until(lambda: len(witness.said("began")) == SLOTS, 20, "all running")
    waiting = stack.submit("test_noop")["task_id"]
    stop(stack, "worker")
    for task_id in running:
        task = stack.task(task_id)
        assert (task["state"], task["attempt"]) == ("SUCCESS", 1)
    stack.processes["worker"].start()
    assert stack.finished(waiting)["state"] == "SUCCESS"


def test_what_waits_in_a_worker_that_stops_goes_to_another_at_once(stack: Stack, gate: Path) -> None:
    stop(stack, "worker")
    usual, stopping = stack.processes["worker"], stack.process("stopping", *WORKER, WORKER_GRACE_S="100")
    stack.processes["worker"] = stopping
    stopping.start()
    try:
        running = block(stack, gate)
        waiting = stack.submit("test_noop")["task_id"]
        stack.wait_until_reserved([waiting])
        stopping.send_signal(signal.SIGTERM)
        usual.start()
        stack.processes["worker"] = usual
        assert stack.finished(waiting)["state"] == "SUCCESS"
        assert stopping.running, "what runs there is not over"
        # By the same message: nobody had to notice that it was not to be had.
        assert stack.rows(f"SELECT dispatch_no FROM tasks WHERE id = '{waiting}'") == [(1,)]
        gate.touch()
        assert stopping.wait(30), stopping.tail()
        assert [stack.task(task_id)["state"] for task_id in running] == ["SUCCESS"] * SLOTS
    finally:
        stack.processes["worker"] = usual
        stopping.kill()


def test_what_does_not_finish_within_the_grace_is_handed_back_uncharged(stack: Stack, gate: Path) -> None:
    running = block(stack, gate)
    took_s = stop(stack, "worker")
    assert GRACE_S <= took_s < GRACE_S + 8
    for task_id in running:
        task = stack.task(task_id)
        assert (task["state"], task["max_attempts"]) == ("PENDING", 1)
        assert [(error["attempt"], error["outcome"]) for error in task["errors"]] == [(1, "handed_back")]
    gate.touch()
    started = datetime.now().astimezone()
    stack.processes["worker"].start()
    for task_id in running:
        task = stack.finished(task_id)
        assert (task["state"], task["attempt"]) == ("SUCCESS", 2)
        assert datetime.fromisoformat(task["started_at"]) > started


def stop(stack: Stack, name: str) -> float:
    """Ask a process to stop, as every supervisor does; answers how long it took, in seconds."""
    process = stack.processes[name]
    logged = len(process.log.read_bytes())
    watch = Stopwatch()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30), process.tail()
    assert process.exit_status == 0, process.tail()
    said = process.log.read_bytes()[logged:].decode()
    assert "Traceback" not in said, said
    return watch.s
