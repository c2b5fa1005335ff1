"""The service to Celery's own world: clients that wait for a result, `celery inspect`, Flower."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from celery import Celery
from celery.result import AsyncResult

from task_system.broker.amqp_link import AmqpLink
from task_system.model.ids import new_id
from task_system.model.task import Dispatch
from task_system.testing.servers.ports import HOST, free_port
from tests.integration.service import ROOT, SLOTS, Stack, wait_until


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[Celery]:
    """A Celery app that shares nothing with the service but Redis."""
    app = Celery("somebody", backend=stack.servers.redis.url, set_as_current=False)
    yield app
    app.close()


def result(client: Celery, task_id: str) -> AsyncResult:
    return AsyncResult(task_id, app=client)


# Results.


def test_a_client_waits_for_a_result(stack: Stack, client: Celery) -> None:
    accepted = stack.submit("data_processing", {"data": [1, 2, 3]}, delay=0.5)
    waited_for = result(client, accepted["task_id"])
    assert waited_for.state == "PENDING"
    value = waited_for.get(timeout=20)
    assert value == stack.task(accepted["task_id"])["result"]
    assert value["columns"][0]["numbers"]["mean"] == 2
    assert waited_for.successful()
    assert waited_for.date_done is not None


@pytest.mark.parametrize("value", [None, 0, "text", [1, {"a": None}], {"status": "FAILURE", "result": 1}])
def test_any_result_arrives(stack: Stack, client: Celery, value: Any) -> None:
    assert result(client, stack.submit("test_echo", {"value": value})["task_id"]).get(timeout=20) == value


def test_of_a_large_result_it_arrives_where_it_is(stack: Stack, client: Celery) -> None:
    task_id = stack.submit("test_large_result", {"count": 300_000})["task_id"]
    said = result(client, task_id).get(timeout=20)
    assert (said["task_id"], said["result_size"]) == (task_id, 300_002)
    assert len(stack.get(said["links"]["result"]).json()) == 300_000


def test_the_result_of_a_later_attempt_arrives(stack: Stack, client: Celery) -> None:
    task_id = stack.submit("test_flaky", {"times": 2})["task_id"]
    assert result(client, task_id).get(timeout=20)["attempt"] == 3


def test_a_client_is_raised_the_error(stack: Stack, client: Celery) -> None:
    failed = result(client, stack.submit("test_flaky", {"times": 9})["task_id"])
    with pytest.raises(RuntimeError, match="failure 3"):
        failed.get(timeout=20)
    assert failed.state == "FAILURE"
    assert "failure {ctx.attempt}" in failed.traceback


def test_what_a_worker_does_not_know_has_not_failed(stack: Stack, client: Celery) -> None:
    unknown = Dispatch(new_id(), 1, "default.normal", "only_newer_workers_know_it")
    link = AmqpLink(stack.servers.rabbitmq.url)
    link.send([unknown])
    while link.unconfirmed:
        link.wait(5)
    link.close()
    # In the same queue, for the same worker: it has read that one when it is done with this.
    stack.run("test_noop")
    assert result(client, str(unknown.task_id)).state == "PENDING"


@pytest.mark.parametrize(
    ("task_type", "parameters", "error"),
    [("test_fail", {}, "Fail"), ("test_exit", {}, "PoisonTask"), ("test_too_slow", {}, "TimeLimitExceeded")],
)
def test_an_error_that_the_client_does_not_know_keeps_its_name(
    stack: Stack, client: Celery, task_type: str, parameters: dict[str, Any], error: str
) -> None:
    failed = result(client, stack.submit(task_type, parameters)["task_id"])
    with pytest.raises(Exception, match=r".") as raised:
        failed.get(timeout=20)
    assert type(raised.value).__name__ == error


def test_results_expire(stack: Stack, client: Celery) -> None:
    task_id = stack.run("test_noop")["task_id"]
    redis = client.backend.client
    wait_until(lambda: redis.exists(f"celery-task-meta-{task_id}"), 20, "the copy")
    assert 0 < redis.ttl(f"celery-task-meta-{task_id}") <= 86_400


# Remote control.


def inspect(stack: Stack, what: str) -> dict[str, Any]:
    """What `celery -A tasks inspect` prints, by worker. Told whom to hear, it does not wait for others."""
    seen = stack.get("/api/workers").json()["workers"]
    names = ",".join(one["name"] for one in seen if (one["role"], one["status"]) == ("worker", "alive"))
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "tasks", "inspect", "--timeout=20", "--json", f"-d{names}", what],
        env=stack.environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def test_inspect_ping_reaches_every_worker(stack: Stack) -> None:
    answers = inspect(stack, "ping")
    assert len(answers) == 2
    assert all(answer == {"ok": "pong"} for answer in answers.values())


def test_inspect_registered_lists_the_types(stack: Stack) -> None:
    for types in inspect(stack, "registered").values():
        assert {"data_processing", "email_sending", "file_processing", "test_noop"} <= set(types)


def test_inspect_shows_what_runs_and_what_waits(stack: Stack, tmp_path: Any) -> None:
    gate = tmp_path / "gate"
    try:
        tasks = [stack.submit("test_slow_gate", {"gate": str(gate)})["task_id"] for _ in range(SLOTS)]
        for task_id in tasks:
            stack.wait_for(task_id, lambda task: task["state"] == "STARTED", "running")
        waiting = stack.submit("test_slow_gate", {"gate": str(gate)})["task_id"]
        stack.wait_until_reserved([waiting])
        active = [task for answer in inspect(stack, "active").values() for task in answer]
        assert sorted(task["id"] for task in active) == sorted(tasks)
        assert {task["name"] for task in active} == {"test_slow_gate"}
        assert str(gate) not in json.dumps(active), "parameters are nobody's business here"
        reserved = [task for answer in inspect(stack, "reserved").values() for task in answer]
        assert waiting in [task["id"] for task in reserved]
    finally:
        gate.touch()


# Flower.


@pytest.fixture(scope="module")
def flower(stack: Stack) -> Iterator[str]:
    """Flower's address, once it hears the workers."""
    port = free_port()
    process = stack.process(
        *("flower", "celery", "-A", "tasks", "flower", f"--address={HOST}", f"--port={port}"),
        FLOWER_UNAUTHENTICATED_API="true",
    )
    process.start()
    address = f"http://{HOST}:{port}"

    def hears() -> bool:
        assert process.running, process.tail()
        try:
            workers = requests.get(f"{address}/workers?json=1", timeout=5).json()["data"]
        except requests.RequestException:
            return False
        return sum(bool(worker["status"]) for worker in workers) == 2

    try:
        wait_until(hears, 60, lambda: f"Flower hears both workers\n{process.tail()}")
        yield address
    finally:
        process.stop(10)


def shown(flower: str, task_id: str, state: str) -> dict[str, Any]:
    """What Flower says of a task, once it knows it in that state."""
    said: list[Any] = [None]

    def known() -> bool:
        said[0] = requests.get(f"{flower}/api/task/info/{task_id}", timeout=5)
        return bool(said[0].status_code == 200 and said[0].json()["state"] == state)

    wait_until(known, 20, lambda: f"{state} in Flower; it says {said[0].status_code} {said[0].text}")
    info: dict[str, Any] = said[0].json()
    return info


def test_flower_shows_a_finished_task(stack: Stack, flower: str) -> None:
    task = stack.run("test_echo", {"value": "a secret"})
    info = shown(flower, task["task_id"], "SUCCESS")
    assert info["name"] == "test_echo"
    assert info["worker"] == task["worker"]
    assert info["routing_key"] in {None, "default.normal"}
    assert "a secret" not in f"{info['args']} {info['kwargs']}"
    for moment in ("received", "started", "succeeded", "runtime"):
        assert info[moment] is not None, moment


def test_flower_shows_a_failed_task(stack: Stack, flower: str) -> None:
    info = shown(flower, stack.run("test_fail")["task_id"], "FAILURE")
    assert "it cannot be done" in info["exception"]
    assert "Fail" in info["traceback"]
    assert info["failed"] is not None


def test_flower_shows_a_retried_task(stack: Stack, flower: str) -> None:
    waiting = stack.submit("test_retry_in_ages")["task_id"]
    info = shown(flower, waiting, "RETRY")
    assert "the other side is busy" in info["exception"]
    assert info["retried"] is not None
    assert stack.wait_for(waiting, lambda task: task["state"] == "RETRY", "RETRY")["status"] == "retry"
    assert shown(flower, stack.run("test_flaky", {"times": 1})["task_id"], "SUCCESS")["retried"] is not None
