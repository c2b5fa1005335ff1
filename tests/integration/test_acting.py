"""What callers may do to a task: the same in both modes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery
from celery.exceptions import TaskRevokedError

from tests.integration.service import SLOTS, Service, Stack
from tests.integration.witness import Witness
from tests.standstill import Stopwatch

FAR = 3600.0


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """A file that tasks wait for; made at the end, so that a failed test leaves no task waiting."""
    path = tmp_path / "gate"
    yield path
    path.touch()


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness")


def cancel(service: Service, task_id: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    answer = service.request("POST", f"/api/tasks/{task_id}/cancel", json=body)
    return answer.status_code, answer.json()


def running(service: Service, task_type: str, parameters: dict[str, Any]) -> str:
    task_id: str = service.submit(task_type, parameters)["task_id"]
    service.wait_for(task_id, lambda task: task["state"] == "STARTED", "running")
    return task_id


# Cancel.


def test_a_waiting_task_is_cancelled_at_once(service: Service) -> None:
    task_id = service.submit("test_noop", delay=FAR)["task_id"]
    status, said = cancel(service, task_id, {"reason": "no longer wanted"})
    assert (status, said["state"], said["cancelled"]) == (200, "CANCELLED", True)
    task = service.task(task_id)
    assert (task["state"], task["cancel_reason"], task["attempt"]) == ("CANCELLED", "no longer wanted", 0)
    assert cancel(service, task_id)[:1] == (200,)
    deleted = service.request("DELETE", f"/api/tasks/{task_id}")
    assert (deleted.status_code, deleted.json()["cancelled"]) == (200, True)


def test_what_is_over_is_a_conflict(service: Service) -> None:
    task = service.run("test_noop")
    status, problem = cancel(service, task["task_id"])
    assert (status, problem["error"], problem["state"]) == (409, "task_finished", "SUCCESS")


@pytest.mark.parametrize("task_id", ["x", "018f0000-0000-7000-8000-000000000000"])
def test_what_is_not_there_is_not_found(service: Service, task_id: str) -> None:
    assert cancel(service, task_id)[0] == 404
    assert service.request("DELETE", f"/api/tasks/{task_id}").status_code == 404


@pytest.mark.parametrize("body", [{"reason": 7}, {"reason": "x" * 1001}, {"because": "x"}, {"reason": "a\0b"}])
def test_a_reason_is_text_that_can_be_stored(service: Service, body: Any) -> None:
    task_id = service.submit("test_noop", delay=FAR)["task_id"]
    assert cancel(service, task_id, body)[0] == 422
    assert service.task(task_id)["state"] == "PENDING"
    assert service.request("DELETE", f"/api/tasks/{task_id}?because=x").status_code == 422
    assert service.request("DELETE", f"/api/tasks/{task_id}?reason=enough").status_code == 200
    assert service.task(task_id)["cancel_reason"] == "enough"


def test_a_running_task_that_asks_stops_by_itself(service: Service, witness: Witness) -> None:
    task_id = running(service, "test_asks", {"file": str(witness.path)})
    watch = Stopwatch()
    status, said = cancel(service, task_id)
    assert (status, said["state"], said["cancelled"]) == (202, "STARTED", "requested")
    task = service.finished(task_id, timeout_s=5)
    assert watch.s < 2.5
    assert (task["state"], task["error"]["type"]) == ("CANCELLED", "Cancelled")
    assert len(witness.said("tidied up")) == 1


def test_a_running_task_that_does_not_ask_is_interrupted(service: Service, gate: Path) -> None:
    task_id = running(service, "test_slow_gate", {"gate": str(gate)})
    watch = Stopwatch()
    cancel(service, task_id, {"reason": "enough"})
    task = service.finished(task_id, timeout_s=10)
    assert watch.s < 6
    assert (task["state"], task["error"]["message"]) == ("CANCELLED", "cancelled while running")
    assert task["cancel_reason"] == "enough"


def test_a_running_task_that_does_not_listen_is_killed_and_its_slot_is_free(service: Service, gate: Path) -> None:
    task_id = running(service, "test_deaf_to_cancels", {"gate": str(gate)})
    watch = Stopwatch()
    cancel(service, task_id)
    task = service.finished(task_id, timeout_s=15)
    assert watch.s < 8
    assert (task["state"], task["error"]["type"]) == ("CANCELLED", "Cancelled")
    for _ in range(3):
        assert service.run("test_noop", timeout_s=5)["state"] == "SUCCESS"


def test_who_waits_for_a_cancelled_task_in_redis_is_told(stack: Stack) -> None:
    url = stack.servers.redis.url
    task_id = stack.submit("test_noop", delay=FAR)["task_id"]
    cancel(stack, task_id)
    with Celery(backend=url, set_as_current=False) as client:
        result = client.AsyncResult(task_id)
        assert result.state == "REVOKED"
        with pytest.raises(TaskRevokedError):
            result.get(timeout=5)
    with redis.Redis.from_url(url) as connection:
        assert 0 < connection.ttl(f"celery-task-meta-{task_id}") <= 86_400
    assert stack.task(task_id)["state"] == "CANCELLED"


# Again, and otherwise.


def test_a_task_that_is_over_runs_again(service: Service) -> None:
    first = service.run("test_echo", {"value": 1}, tags=["a"], metadata={"order": 7})
    answer = service.request("POST", f"/api/tasks/{first['task_id']}/retry")
    assert (answer.status_code, answer.json()["retry_of"]) == (202, first["task_id"])
    second = service.finished(answer.json()["task_id"])
    assert (second["result"], second["retry_of"], second["tags"]) == (1, first["task_id"], ["a"])
    assert second["metadata"] == {"order": 7}
    assert service.task(first["task_id"])["retried_as"] == second["task_id"]
    edited = service.request("POST", f"/api/tasks/{first['task_id']}/retry", json={"parameters": {"value": 2}})
    assert service.finished(edited.json()["task_id"])["result"] == 2


def test_a_retry_is_refused_for_what_is_not_over_or_not_valid(service: Service) -> None:
    waiting = service.submit("test_noop", delay=FAR)["task_id"]
    answer = service.request("POST", f"/api/tasks/{waiting}/retry")
    assert (answer.status_code, answer.json()["error"]) == (409, "task_not_finished")
    cancel(service, waiting)
    answer = service.request("POST", f"/api/tasks/{waiting}/retry", json={"parameters": {"unknown": 1}})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "parameters.unknown")
    assert service.task(waiting)["retried_as"] is None


def test_a_scheduled_task_runs_now(service: Service) -> None:
    task_id = service.submit("test_noop", delay=FAR)["task_id"]
    answer = service.request("POST", f"/api/tasks/{task_id}/run-now")
    assert (answer.status_code, answer.json()["status"] == "scheduled") == (200, False)
    assert service.finished(task_id)["state"] == "SUCCESS"
    answer = service.request("POST", f"/api/tasks/{task_id}/run-now")
    assert (answer.status_code, answer.json()["error"]) == (409, "task_not_waiting")


def test_a_waiting_task_is_changed(service: Service) -> None:
    task_id = service.submit("test_noop", delay=FAR)["task_id"]
    change = {"priority": "high", "tags": ["b", "b"], "run_at": "2027-06-01T12:00:00+02:00"}
    answer = service.request("PATCH", f"/api/tasks/{task_id}", json=change)
    task = answer.json()
    assert (answer.status_code, task["priority"], task["queue"]) == (200, "high", "default.high")
    assert (task["tags"], task["run_at"]) == (["b"], "2027-06-01T10:00:00.000000Z")
    assert service.request("PATCH", f"/api/tasks/{task_id}", json={"state": "SUCCESS"}).status_code == 422
    cancel(service, task_id)
    assert service.request("PATCH", f"/api/tasks/{task_id}", json={"tags": []}).status_code == 409


# What a submission may say.


def test_tags_and_the_like_are_shown(service: Service) -> None:
    said = {"tags": ["nightly"], "metadata": {"by": "ü"}, "expires_in": 60.0}
    task = service.run("test_noop", **said)
    assert (task["state"], task["tags"], task["metadata"]) == ("SUCCESS", ["nightly"], {"by": "ü"})
    assert task["expires_at"] > task["created_at"]


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"tags": ["a b"]}, "tags.0"),
        ({"tags": ["x"] * 21}, "tags"),
        ({"metadata": {"x": "y" * 9000}}, "metadata"),
        ({"metadata": {"x": "\0"}}, "metadata"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 1e6}, "timeout"),
        ({"expires_in": -1}, "expires_in"),
        ({"expires_in": 5, "delay": 6}, "body"),
    ],
)
def test_what_a_submission_may_not_say(service: Service, more: dict[str, Any], path: str) -> None:
    answer = service.post({"task_type": "test_noop", "parameters": {}, **more})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["path"] == path


def test_a_shorter_time_limit_is_kept(service: Service, gate: Path) -> None:
    watch = Stopwatch()
    task = service.run("test_slow_gate", {"gate": str(gate)}, timeout=0.5)
    assert watch.s < 5
    assert (task["state"], task["error"]["type"]) == ("FAILURE", "TimeLimitExceeded")
    assert task["error"]["message"] == "The attempt ran longer than 0.5 s."


def test_what_is_not_started_in_time_expires(service: Service, gate: Path, witness: Witness) -> None:
    busy = [running(service, "test_slow_gate", {"gate": str(gate)}) for _ in range(SLOTS)]
    late = service.submit("test_witnessed", {"file": str(witness.path)}, expires_in=0.3)["task_id"]
    task = service.finished(late, timeout_s=10)
    assert (task["state"], task["attempt"]) == ("EXPIRED", 0)
    gate.touch()
    for task_id in busy:
        assert service.finished(task_id)["state"] == "SUCCESS"
    assert service.run("test_noop")["state"] == "SUCCESS"
    assert witness.said("began") == []


def test_who_waits_for_an_expired_task_in_redis_is_told(stack: Stack) -> None:
    task_id = stack.submit("test_noop", delay=0.2, expires_in=0.2001)["task_id"]
    stack.finished(task_id)
    with Celery(backend=stack.servers.redis.url, set_as_current=False) as client, pytest.raises(TaskRevokedError):
        client.AsyncResult(task_id).get(timeout=5)


def test_a_request_may_wait_for_the_end(service: Service, gate: Path) -> None:
    body = {"task_type": "test_echo", "parameters": {"value": 7}}
    answer = service.request("POST", "/api/tasks?wait=10", json=body)
    assert (answer.status_code, answer.json()["state"], answer.json()["result"]) == (200, "SUCCESS", 7)
    watch = Stopwatch()
    body = {"task_type": "test_slow_gate", "parameters": {"gate": str(gate)}}
    answer = service.request("POST", "/api/tasks?wait=0.5", json=body)
    assert (answer.status_code, answer.json()["state"]) == (202, "PENDING")
    assert 0.5 <= watch.s < 5
    gate.touch()
    assert service.finished(answer.json()["task_id"])["state"] == "SUCCESS"
    for bad in ("wait=x", "wait=-1", "wait=31", "wait=nan", "waiting=3"):
        assert service.request("POST", f"/api/tasks?{bad}", json=body).status_code == 422
