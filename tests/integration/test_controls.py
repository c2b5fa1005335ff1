"""Queues that are paused, resumed and purged, and task types that are held or refused, in both modes."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.integration.service import SLOTS, Json, Service, wait_until
from tests.standstill import Stopwatch

QUEUE = "default.low"
#: Within which every process obeys. Of what no process tells, time itself is the only sign.
OBEYED_S = 2.0


def call(service: Service, path: str, body: Any = None, status: int = 200) -> Json:
    answer = service.request("POST", f"/api/{path}", json=body)
    assert answer.status_code == status, answer.text
    said: Json = answer.json()
    return said


@pytest.fixture(autouse=True)
def _open(service: Service) -> Iterator[None]:
    yield
    call(service, f"queues/{QUEUE}/resume")
    call(service, "task-types/test_noop/allow")


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "gate"
    yield path
    path.touch()


def low(service: Service, task_type: str = "test_noop", parameters: Json | None = None) -> str:
    task_id: str = service.submit(task_type, parameters, priority="low")["task_id"]
    return task_id


def parked(service: Service, task_ids: list[str]) -> Callable[[], bool]:
    ids = ", ".join(service._id(task_id) for task_id in task_ids)
    waiting = (
        f"SELECT count(*) FROM tasks WHERE id IN ({ids}) AND state = 'PENDING'"
        " AND relay_at IS NULL AND published_at IS NULL"
    )
    return lambda: service.rows(waiting) == [(len(task_ids),)]


def test_a_paused_queue_starts_nothing_until_it_is_resumed(service: Service, gate: Path) -> None:
    blocking = [service.submit("test_slow_gate", {"gate": str(gate)})["task_id"] for _ in range(SLOTS)]
    for task_id in blocking:
        service.wait_for(task_id, lambda task: task["state"] == "STARTED", "a slot is taken")
    reserved = [low(service) for _ in range(3)]
    service.wait_until_reserved(reserved)
    paused = call(service, f"queues/{QUEUE}/pause", {"reason": "the other side is down"})
    assert (paused["paused"], paused["reason"], paused["until"]) == (True, "the other side is down", None)
    Stopwatch().wait(OBEYED_S)  # that is the promise: from then on nothing starts
    new = [low(service) for _ in range(3)]
    gate.touch()
    for task_id in blocking:
        assert service.finished(task_id)["state"] == "SUCCESS"
    assert service.run("test_noop")["state"] == "SUCCESS"
    wait_until(parked(service, reserved + new), 20, "all put aside")
    assert {service.task(task_id)["attempt"] for task_id in reserved + new} == {0}
    [seen] = [one for one in service.get("/api/queues").json()["queues"] if one["name"] == QUEUE]
    assert seen["waiting"] == 6
    call(service, f"queues/{QUEUE}/resume")
    started = time.monotonic()
    for task_id in reserved + new:
        task = service.finished(task_id)
        assert (task["state"], task["attempt"]) == ("SUCCESS", 1)
    print(f"{service.mode}: all done {time.monotonic() - started:.1f} s after the resume")


def test_a_pause_ends_at_its_time(service: Service) -> None:
    until = datetime.now(UTC) + timedelta(seconds=3)
    call(service, f"queues/{QUEUE}/pause", {"until": until.isoformat()})
    Stopwatch().wait(OBEYED_S)
    task = service.finished(low(service))
    assert datetime.fromisoformat(task["started_at"]) >= until


def test_a_purge_cancels_what_waits(service: Service) -> None:
    call(service, f"queues/{QUEUE}/purge")  # what other tests left waiting there
    waiting = [service.submit("test_noop", priority="low", delay=3600)["task_id"] for _ in range(5)]
    purged = call(service, f"queues/{QUEUE}/purge", {"reason": "wrong input"})
    assert (purged["cancelled"], purged["complete"]) == (5, True)
    for task_id in waiting:
        task = service.task(task_id)
        assert (task["state"], task["cancel_reason"]) == ("CANCELLED", "queue purged: wrong input")
    assert call(service, f"queues/{QUEUE}/purge")["cancelled"] == 0


def control(service: Service, name: str) -> Json:
    types = {one["name"]: one for one in service.get("/api/task-types").json()["task_types"]}
    said: Json = types[name]["control"]
    return said


def test_a_held_type_is_accepted_and_waits(service: Service) -> None:
    call(service, "task-types/test_noop/hold", {"reason": "odd results"})
    assert {key: control(service, "test_noop")[key] for key in ("state", "reason")} == {
        "state": "hold",
        "reason": "odd results",
    }
    Stopwatch().wait(OBEYED_S)
    held = [service.submit("test_noop")["task_id"] for _ in range(3)]
    assert service.run("test_echo", {"value": 1})["state"] == "SUCCESS"
    assert {service.task(task_id)["attempt"] for task_id in held} == {0}
    call(service, "task-types/test_noop/allow")
    assert control(service, "test_noop")["state"] == "allow"
    for task_id in held:
        assert service.finished(task_id)["state"] == "SUCCESS"


def test_a_refused_type_is_not_accepted(service: Service) -> None:
    call(service, "task-types/test_noop/refuse", {"reason": "being replaced"})
    [answer] = wait_until(lambda: _answered(service, 503), 20, "a refusal")
    assert answer.headers["Retry-After"]
    assert answer.json()["error"] == "task_type_refused"
    assert "being replaced" in answer.json()["detail"]
    assert service.run("test_echo", {"value": 1})["state"] == "SUCCESS"
    call(service, "task-types/test_noop/allow")
    wait_until(lambda: _answered(service, 202), 20, "that it is accepted again")


def _answered(service: Service, status: int) -> list[requests.Response]:
    """A submission's answer, when it has this status."""
    answer = service.post({"task_type": "test_noop", "parameters": {}})
    return [answer] if answer.status_code == status else []


def test_what_there_is_not_is_not_found(service: Service) -> None:
    assert call(service, "queues/default.urgent/pause", status=404)["error"] == "queue_not_found"
    assert call(service, "task-types/nope/hold", status=404)["error"] == "task_type_not_found"
    past = call(service, f"queues/{QUEUE}/pause", {"until": "2020-01-01T00:00:00Z"}, status=422)
    assert past["errors"][0]["path"] == "until"
