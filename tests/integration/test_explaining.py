"""Why a task is where it is, its result alone, queues and workers: over HTTP, the same in both modes."""

import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from task_system.model.routing import LANES, queues_of
from tests.integration.service import SLOTS, Service, wait_until
from tests.integration.test_api import UNKNOWN, problem


def explained(service: Service, task_id: str) -> dict[str, Any]:
    answer = service.get(f"/api/tasks/{task_id}/explain")
    assert answer.status_code == 200, answer.text
    explanation: dict[str, Any] = answer.json()
    assert set(explanation) == {"task_id", "state", "code", "sentence", "numbers"}
    assert explanation["sentence"].endswith(".")
    return explanation


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that is not there until the test makes it."""
    return tmp_path / f"gate-{uuid.uuid4().hex}"


def test_a_scheduled_task(service: Service) -> None:
    task_id = service.submit("test_noop", delay=600)["task_id"]
    explanation = explained(service, task_id)
    assert explanation["code"] == "scheduled"
    assert 500 < explanation["numbers"]["seconds_left"] <= 600
    assert re.fullmatch(r"It is not due before \S+ \d\d:\d\d:\d\d UTC, in (9|10) min\.", explanation["sentence"])


def test_a_task_that_is_over(service: Service) -> None:
    task_id = service.submit("test_snooze")["task_id"]
    assert service.finished(task_id)["state"] == "SUCCESS"
    explanation = explained(service, task_id)
    assert (explanation["code"], explanation["numbers"]["attempt"]) == ("finished", 3)


def test_running_and_waiting_tasks(service: Service, gate: Path) -> None:
    running = [service.submit("test_slow_gate", {"gate": str(gate)})["task_id"] for _ in range(SLOTS)]
    try:
        for task_id in running:
            service.wait_for(task_id, lambda task: task["state"] == "STARTED", "started")
        waiting = [service.submit("test_slow_gate", {"gate": str(gate)})["task_id"] for _ in range(2)]
        service.wait_until_reserved(waiting)
        explanation = explained(service, running[0])
        assert explanation["code"] == "running"
        assert explanation["numbers"]["worker"] == service.task(running[0])["worker"]
        explanation = explained(service, waiting[1])
        assert explanation["code"] == "waiting"
        assert explanation["numbers"]["ahead"] == 1
        (queue,) = [queue for queue in service.get("/api/queues").json()["queues"] if queue["name"] == "default.normal"]
        assert (queue["waiting"], queue["waiting_is_capped"], queue["consumers"]) == (2, False, 1)
        assert queue["oldest_waiting_s"] >= 0
        shown = service.get("/api/workers").json()["workers"]
        (worker,) = [worker for worker in shown if worker["tasks"]]
        assert worker["name"] == service.task(running[0])["worker"]
        assert {task["task_id"] for task in worker["tasks"]} == set(running)
        assert all(task["running_s"] > 0 for task in worker["tasks"])
        answer = service.get(f"/api/tasks/{running[0]}/result")
        assert problem(answer, 404)["error"] == "no_result"
    finally:
        gate.touch()
    for task_id in running + waiting:
        assert service.finished(task_id)["state"] == "SUCCESS"


def test_the_result_alone(service: Service) -> None:
    task = service.run("test_echo", {"value": ["a", 1]})
    answer = service.get(f"/api/tasks/{task['task_id']}/result")
    assert (answer.status_code, answer.json()) == (200, ["a", 1])
    failed = service.run("test_fail")
    document = problem(service.get(f"/api/tasks/{failed['task_id']}/result"), 404)
    assert (document["error"], document["state"]) == ("no_result", "FAILURE")
    assert "it cannot be done" in explained(service, failed["task_id"])["sentence"]


@pytest.mark.parametrize("what", ["result", "explain"])
def test_an_unknown_task(service: Service, what: str) -> None:
    assert problem(service.get(f"{UNKNOWN}/{what}"), 404)["error"] == "task_not_found"


def test_a_task_whose_queue_is_paused_or_whose_type_is_held(service: Service) -> None:
    closed = [
        ("queues/default.low", "pause", "resume", "queue_paused"),
        ("task-types/test_noop", "hold", "allow", "type_held"),
    ]
    for path, close, open_, code in closed:
        assert service.request("POST", f"/api/{path}/{close}", json={"reason": "it rains"}).status_code == 200
        try:
            # Due when every process has heard of it.
            task_id = service.submit("test_noop", priority="low", delay=2.2)["task_id"]
            explanation = wait_until(lambda id_=task_id: _due(service, id_), 20, "due")
            assert explanation["code"] == code
            assert "it rains" in explanation["sentence"]
            assert explanation["numbers"]["reason"] == "it rains"
            assert explanation["numbers"]["seconds_waited"] >= 0
            queues = service.get("/api/queues").json()["queues"]
            paused = [queue["name"] for queue in queues if queue["pause"]["paused"]]
            assert paused == (["default.low"] if close == "pause" else [])
        finally:
            service.request("POST", f"/api/{path}/{open_}")
        assert service.finished(task_id)["state"] == "SUCCESS"


def _due(service: Service, task_id: str) -> dict[str, Any] | None:
    explanation = explained(service, task_id)
    return explanation if explanation["code"] != "scheduled" else None


def test_queues(service: Service) -> None:
    answer = service.get("/api/queues").json()
    assert answer["broker"] == "up"
    assert [queue["name"] for queue in answer["queues"]] == list(queues_of(LANES))
    for queue in answer["queues"]:
        assert queue["consumers"] >= 1
        assert queue["ready_in_broker"] >= 0
        assert queue["rate_in_per_min"] >= 0
        assert queue["rate_out_per_min"] >= 0
        assert queue["waiting"] or queue["drain_s"] == 0


def test_workers(service: Service) -> None:
    shown = service.get("/api/workers").json()["workers"]
    alive = [worker for worker in shown if worker["status"] == "alive"]
    assert {worker["role"] for worker in alive} == {"worker", "keeper"}
    for worker in alive:
        assert worker["pid"] > 0
        assert worker["version"]
        assert worker["silent_s"] < 60
        assert worker["rss_mb"] > 10
