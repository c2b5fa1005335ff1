"""What handlers log, over HTTP, in both modes."""

import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.integration.service import Service, Stack, wait_until
from tests.integration.test_api import problem


def log_of(service: Service, task_id: str, query: str = "") -> dict[str, Any]:
    answer = service.get(f"/api/tasks/{task_id}/log{query}")
    assert answer.status_code == 200, answer.text
    log: dict[str, Any] = answer.json()
    assert log["task_id"] == task_id
    return log


def said(log: dict[str, Any]) -> list[str]:
    return [line["message"] for line in log["lines"]]


def test_a_log_is_there_with_the_end_attempt_by_attempt(service: Service) -> None:
    task = service.run("test_logs", {"lines": ["ä", "b"], "times_to_fail": 1})
    assert task["links"]["log"] == f"/api/tasks/{task['task_id']}/log"
    log = log_of(service, task["task_id"])
    threads = ["in a thread"] if service.mode == "stack" else []
    each = ["ä", "b", *threads]
    assert said(log) == [*each, "attempt 1", *each, "attempt 2"]
    assert [line["attempt"] for line in log["lines"]] == [1] * (len(each) + 1) + [2] * (len(each) + 1)
    assert (log["dropped"], log["next"]) == (0, None)
    first, last = log["lines"][0], log["lines"][-1]
    assert (first["level"], first["logger"]) == ("INFO", "task.test_logs")
    assert (last["level"], last["logger"]) == ("WARNING", "library")
    assert task["created_at"] <= first["at"] <= last["at"]
    assert datetime.fromisoformat(first["at"])
    assert said(log_of(service, task["task_id"], "?attempt=2")) == [*each, "attempt 2"]
    text = service.get(f"/api/tasks/{task['task_id']}/log?format=text")
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert text.text.split()[1:4] == ["INFO", "[1]", "ä"]


def test_a_log_can_be_followed_while_the_task_runs(service: Service) -> None:
    gate = service.folder / f"gate-{uuid.uuid4().hex}"
    task_id = service.submit("test_logs", {"lines": ["a", "b", "c"], "gate": str(gate)})["task_id"]
    wait_until(lambda: "attempt 1" in said(log_of(service, task_id)), 20, "the log of a running task")
    page = log_of(service, task_id, "?limit=2")
    assert said(page) == ["a", "b"]
    following = log_of(service, task_id, f"?after={page['next']}")
    assert said(following)[0] == "c"
    assert said(log_of(service, task_id, f"?after={following['next']}")) == []
    Path(gate).touch()
    service.finished(task_id)
    assert log_of(service, task_id, f"?after={following['next']}")["next"] is None


def test_what_was_said_a_second_ago_is_there_after_a_crash(stack: Stack) -> None:
    gate = stack.folder / f"gate-{uuid.uuid4().hex}"
    task_id = stack.submit("test_logs", {"lines": ["a"], "gate": str(gate), "dies": True})["task_id"]
    wait_until(lambda: "attempt 1" in said(log_of(stack, task_id)), 20, "the log of a running task")
    gate.touch()
    stack.wait_for(task_id, lambda task: task["attempt"] > 1 or task["state"] != "STARTED", "the crash")
    assert said(log_of(stack, task_id, "?attempt=1")) == ["a", "in a thread", "attempt 1"]
    stack.request("DELETE", f"/api/tasks/{task_id}")


def test_a_log_that_is_not_there(service: Service) -> None:
    task = service.run("test_noop")
    log = log_of(service, task["task_id"])
    assert (log["lines"], log["dropped"], log["next"]) == ([], 0, None)
    assert problem(service.get(f"/api/tasks/{uuid.uuid4()}/log"), 404)["error"] == "task_not_found"
    wrong = service.get(f"/api/tasks/{task['task_id']}/log?after=x&attempt=0&limit=0")
    assert {error["path"] for error in problem(wrong, 422)["errors"]} == {"after", "attempt", "limit"}
