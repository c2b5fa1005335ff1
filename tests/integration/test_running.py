"""What becomes of an accepted task, the same in both modes: retries, limits, progress, order, crashes."""

import math
import os
import signal
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.integration.service import LEASE_S, SLOTS, Embedded, Service, Stack, children, running_embedded, wait_until
from tests.integration.witness import Witness
from tests.standstill import Stopwatch, ran_between_s


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that tasks wait for; made at the end, so that a failed test leaves no task waiting."""
    path = tmp_path / "gate"
    yield path
    path.touch()


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness")


def test_what_a_newcomer_submits_first_succeeds(service: Service) -> None:
    examples = {kind["name"]: kind["example"] for kind in service.get("/api/task-types").json()["task_types"]}
    # That of http_request asks a server of the internet.
    names = ("data_processing", "email_sending", "file_processing", "image_processing")
    submitted = {name: service.submit(**examples[name])["task_id"] for name in names}
    states = {name: service.finished(task_id)["state"] for name, task_id in submitted.items()}
    assert states == dict.fromkeys(names, "SUCCESS")


# Failing and coming again.


def test_a_failed_attempt_is_retried_and_kept(service: Service) -> None:
    task = service.run("test_flaky", {"times": 2})
    assert (task["state"], task["attempt"], task["max_attempts"], task["error"]) == ("SUCCESS", 3, 3, None)
    assert task["result"]["attempt"] == 3
    assert [(e["attempt"], e["outcome"], e["type"], e["message"]) for e in task["errors"]] == [
        (1, "retry", "RuntimeError", "failure 1"),
        (2, "retry", "RuntimeError", "failure 2"),
    ]
    for error in task["errors"]:
        assert 'raise RuntimeError(f"failure {ctx.attempt}")' in error["traceback"]
        assert error["worker"] == task["worker"]
        assert error["started_at"] < error["finished_at"]
    starts = [datetime.fromisoformat(e["started_at"]) for e in [*task["errors"], task]]
    # Without jitter the policy waits 0.05 s and then 0.1 s.
    assert (starts[1] - starts[0]).total_seconds() >= 0.05
    assert (starts[2] - starts[1]).total_seconds() >= 0.1


def test_the_last_attempts_failure_is_the_tasks(service: Service) -> None:
    task = service.run("test_flaky", {"times": 9})
    assert (task["state"], task["status"], task["attempt"], task["result"]) == ("FAILURE", "failure", 3, None)
    assert (task["error"]["type"], task["error"]["message"]) == ("RuntimeError", "failure 3")
    assert task["error"]["attempt"] == 3
    assert "test_task_types" not in task["error"]["message"]
    assert 'raise RuntimeError(f"failure {ctx.attempt}")' in task["error"]["traceback"]
    assert [error["attempt"] for error in task["errors"]] == [1, 2]


@pytest.mark.parametrize(
    ("task_type", "error", "message"),
    [
        ("test_fail", "Fail", "it cannot be done"),
        ("test_not_worth_a_retry", "KeyError", "'no such thing'"),
    ],
)
def test_what_another_attempt_cannot_mend_fails_at_once(
    service: Service, task_type: str, error: str, message: str
) -> None:
    task = service.run(task_type)
    assert (task["state"], task["attempt"], task["max_attempts"], task["errors"]) == ("FAILURE", 1, 5, [])
    assert (task["error"]["type"], task["error"]["message"]) == (error, message)


def test_a_handler_may_say_when_to_come_again(service: Service) -> None:
    task = service.run("test_asks_to_retry")
    assert (task["state"], task["attempt"]) == ("SUCCESS", 2)
    assert task["errors"][0]["message"] == "the other side is busy"


def test_a_snooze_costs_no_attempt(service: Service) -> None:
    task = service.run("test_snooze")
    assert (task["state"], task["attempt"], task["max_attempts"]) == ("SUCCESS", 3, 1)
    assert [error["outcome"] for error in task["errors"]] == ["snoozed", "snoozed"]


@pytest.mark.parametrize("value", ["result", "error"])
def test_what_a_database_cannot_store_ends_the_task_all_the_same(service: Service, value: str) -> None:
    task = service.run("test_nul", {"value": value})
    assert task["state"] == ("FAILURE" if value == "error" else "SUCCESS")
    if value == "error":
        assert task["error"]["message"] == "before\N{REPLACEMENT CHARACTER}after"


def test_a_result_that_is_no_json_fails_the_attempt(service: Service) -> None:
    task = service.run("test_unserialisable")
    assert task["state"] == "FAILURE"
    assert "object" in task["error"]["message"]


def test_a_result_has_all_its_digits(service: Service) -> None:
    task = service.run("test_factorial", {"of": 200})
    assert task["result"] == math.factorial(200)
    assert service.get(f"/api/tasks/{task['task_id']}/result").json() == math.factorial(200)
    assert service.get("/api/tasks?include=result&limit=1").json()["tasks"][0]["result"] == math.factorial(200)


# Limits and progress.


def test_an_attempt_is_told_to_stop_at_its_time_limit(service: Service, gate: Path) -> None:
    task = service.run("test_too_slow", {"gate": str(gate)})
    assert task["state"] == "FAILURE"
    assert (task["error"]["type"], task["error"]["message"]) == (
        "TimeLimitExceeded",
        "The attempt ran longer than 0.5 s.",
    )
    assert task["duration_ms"] >= 500
    assert ran_between_s(task["started_at"], task["finished_at"]) < 2.5
    assert "_wait_for" in task["error"]["traceback"]


def test_an_attempt_that_does_not_listen_is_stopped_and_its_slot_is_free(service: Service, gate: Path) -> None:
    deaf = [service.submit("test_deaf", {"gate": str(gate)})["task_id"] for _ in range(SLOTS)]
    for task_id in deaf:
        task = service.finished(task_id)
        assert (task["state"], task["error"]["type"]) == ("FAILURE", "TimeLimitExceeded")
        assert task["duration_ms"] >= 5500
        assert ran_between_s(task["started_at"], task["finished_at"]) < 8.5
    assert service.run("test_noop", timeout_s=5)["state"] == "SUCCESS"


def test_progress_is_visible_while_it_is_made(service: Service, gate: Path) -> None:
    task_id = service.submit("test_progress", {"gate": str(gate)})["task_id"]
    task = service.wait_for(task_id, lambda task: task["progress"]["percent"] == 40, "progress")
    assert (task["state"], task["status"]) == ("STARTED", "started")
    rate_per_s, eta_s = task["progress"].pop("rate_per_s"), task["progress"].pop("eta_s")
    assert rate_per_s > 0
    assert eta_s >= 0
    assert task["progress"] == {"percent": 40, "message": "nearly half", "rows": 12}
    assert task["started_at"]
    assert task["worker"]
    gate.touch()
    assert service.finished(task_id)["progress"]["percent"] == 100


# Order.


def test_high_overtakes_normal_overtakes_low(service: Service, gate: Path, witness: Witness) -> None:
    blocked = [service.submit("test_slow_gate", {"gate": str(gate)})["task_id"] for _ in range(SLOTS)]
    for task_id in blocked:
        service.wait_for(task_id, lambda task: task["state"] == "STARTED", "a slot is taken")
    waiting = [
        service.submit(
            "test_witnessed", {"file": str(witness.path), "seconds": 0.05, "label": priority}, priority=priority
        )["task_id"]
        for priority in ("low", "normal", "high")
        for _ in range(4)
    ]
    service.wait_until_reserved(waiting)
    gate.touch()
    for task_id in waiting:
        assert service.finished(task_id)["state"] == "SUCCESS"
    began = [said["label"] for said in witness.said("began")]
    assert sorted(began[:4]) == ["high"] * 4, began
    assert sorted(began[4:8]) == ["normal"] * 4, began


def test_a_quick_task_is_not_claimed_to_wait_behind_slow_ones(service: Service, gate: Path) -> None:
    """Another worker may have a free slot for it, and it is not shown as started before it is."""
    for _ in range(5):
        service.run("test_noop")
    for _ in range(SLOTS):
        blocked = service.submit("test_slow_gate", {"gate": str(gate)})["task_id"]
        service.wait_for(blocked, lambda task: task["state"] == "STARTED", "a slot is taken")
    quick = [service.submit("test_noop")["task_id"] for _ in range(4)]
    service.wait_until_reserved(quick)
    assert [service.task(task_id)["state"] for task_id in quick] == ["PENDING"] * 4
    gate.touch()
    for task_id in quick:
        assert service.finished(task_id)["attempt"] == 1


# Copies of results.


@pytest.mark.parametrize(
    ("task_type", "parameters"),
    [
        ("test_noop", {}),
        ("test_echo", {"value": {"text": "Grüße \U0001f600", "numbers": [0.1, -5, 2**53, 1e22], "no": None, "": []}}),
        ("test_progress", {"gate": "/"}),
        ("test_fail", {}),
        ("test_flaky", {"times": 1}),
        ("test_flaky", {"times": 9}),
        ("test_snooze", {}),
    ],
)
def test_a_finished_task_reads_the_same_from_redis_and_from_the_database(
    stack: Stack, task_type: str, parameters: dict[str, Any]
) -> None:
    task_id = stack.run(task_type, parameters)["task_id"]
    key = f"celery-task-meta-{task_id}"
    with redis.Redis.from_url(stack.servers.redis.url) as client:
        wait_until(lambda: client.exists(key), 20, "the copy in Redis")
        with_copy = stack.get(f"/api/tasks/{task_id}")
        assert client.delete(key) == 1
        without_copy = stack.get(f"/api/tasks/{task_id}")
    assert with_copy.json() == without_copy.json()
    assert with_copy.headers["Content-Type"] == without_copy.headers["Content-Type"]


# Processes that die under a task.


@pytest.mark.parametrize("task_type", ["test_exit", "test_segfault"])
def test_a_task_that_kills_its_process_is_poison_and_the_slots_are_back_at_once(stack: Stack, task_type: str) -> None:
    watch = Stopwatch()
    task = stack.run(task_type)
    assert (task["state"], task["attempt"], task["error"]["type"]) == ("FAILURE", 3, "PoisonTask")
    assert [(error["outcome"], error["type"]) for error in task["errors"]] == [("lost", "WorkerLost")] * 2
    # Three deaths, each noticed at once and not when its lease ran out, with a second between.
    assert watch.s < 3 * 3 + 2
    for error in [*task["errors"], task]:
        assert ran_between_s(error["started_at"], error["finished_at"]) < 3
    for error in [*task["errors"], task["error"]]:
        assert "lease ran out" not in error["message"], "its death was not noticed by its own worker"
    assert stack.run("test_noop", timeout_s=3)["state"] == "SUCCESS"


def test_an_attempt_whose_process_is_killed_from_outside_is_lost_and_made_again(
    stack: Stack, gate: Path, witness: Witness
) -> None:
    parameters = {"file": str(witness.path), "gate": str(gate)}
    tasks = [stack.submit("test_witnessed", parameters)["task_id"] for _ in range(SLOTS)]
    wait_until(lambda: len(witness.said("began")) == SLOTS, 20, "all running")
    worker = stack.processes["worker"].pid
    assert worker is not None
    for child in children(worker):
        os.kill(child, signal.SIGKILL)
    wait_until(lambda: len(witness.said("began")) == 2 * SLOTS, LEASE_S, "all running again, before a lease ran out")
    gate.touch()
    for task_id in tasks:
        task = stack.finished(task_id)
        assert (task["state"], task["attempt"]) == ("SUCCESS", 2)
        assert [(error["outcome"], error["type"]) for error in task["errors"]] == [("lost", "WorkerLost")]
        assert "lease ran out" not in task["errors"][0]["message"]


# The embedded service's own end.


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Embedded]:
    """An embedded service that a test may kill."""
    with running_embedded(tmp_path) as running:
        yield running


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_the_embedded_service_loses_no_task_when_it_ends(own: Embedded, witness: Witness, number: int) -> None:
    task_ids = [
        own.submit("test_witnessed", {"file": str(witness.path), "seconds": 0.15})["task_id"] for _ in range(60)
    ]
    later = own.submit("test_noop", delay=3)["task_id"]
    wait_until(lambda: len(witness.said("done")) >= 10, 20, "some are done")
    process = own.processes["service"]
    process.send_signal(number)
    assert process.wait(20), process.tail()
    if number != signal.SIGKILL:
        assert process.exit_status == 0, process.tail()
        assert "Traceback" not in process.tail()
    assert len(witness.said("done")) < 60
    own.start()
    for task_id in [*task_ids, later]:
        assert own.finished(task_id, timeout_s=30)["state"] == "SUCCESS"
    witness.prove([own.task(task_id) for task_id in task_ids])
    if number != signal.SIGKILL:
        assert len(witness.said("began")) == 60
    assert "keeper.reconciled" not in process.log.read_text()
