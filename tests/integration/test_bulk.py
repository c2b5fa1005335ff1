"""One act on everything that a filter matches, in both modes."""

import signal
import time
import uuid
from typing import Any

import pytest

from tests.integration.service import Json, Service, Stack, wait_until
from tests.integration.test_api import invalid, problem

FAR = 3600.0


def mark() -> str:
    """A tag that no other test has."""
    return f"bulk-{uuid.uuid4().hex}"


def bulk(service: Service, action: str, status: int = 202, **more: Any) -> Json:
    answer = service.request("POST", "/api/bulk", json={"action": action, **more})
    assert answer.status_code == status, answer.text
    said: Json = answer.json()
    if status == 202:
        assert answer.headers["Location"] == said["links"]["self"]
    return said


def over(service: Service, said: Json, timeout_s: float = 30) -> Json:
    seen: list[Json] = [{}]

    def look() -> bool:
        seen[0] = service.get(said["links"]["self"]).json()
        return seen[0]["state"] not in {"freezing", "running"}

    wait_until(look, timeout_s, lambda: f"it is over: {seen[0]}")
    return seen[0]


def submitted(service: Service, tag: str, number: int, **more: Any) -> list[str]:
    tasks = [{"task_type": "test_noop", "tags": [tag], "delay": FAR, **more} for _ in range(number)]
    answer = service.request("POST", "/api/tasks/batch", json={"tasks": tasks})
    return [task["task_id"] for task in answer.json()["tasks"]]


def states(service: Service, tag: str) -> list[str]:
    return [task["state"] for task in service.get(f"/api/tasks?tag={tag}&limit=200").json()["tasks"]]


def test_what_a_filter_matches_is_cancelled_retried_and_deleted(service: Service) -> None:
    tag = mark()
    submitted(service, tag, 3)
    kept = submitted(service, tag, 1, priority="low")
    filter_ = {"q": f"tag:{tag}", "priority": "normal"}
    preview = bulk(service, "cancel", 200, filter=filter_, dry_run=True)
    assert (preview["matching"], preview["capped"], preview["by_state"]) == (3, False, {"PENDING": 3})
    assert len(preview["sample"]) == 3
    assert "left alone" in preview["will_not"]
    assert set(states(service, tag)) == {"PENDING"}, "a dry run changed something"

    cancelled = over(service, bulk(service, "cancel", filter=filter_, reason="not needed"))
    assert (cancelled["state"], cancelled["matching"], cancelled["succeeded"]) == ("done", 3, 3)
    assert (cancelled["percent"], cancelled["reason"]) == (100.0, "not needed")
    assert service.task(kept[0])["state"] == "PENDING"

    retried = over(service, bulk(service, "retry", filter={"tag": tag, "state": "cancelled"}))
    assert (retried["succeeded"], retried["skipped"], retried["failed"]) == (3, 0, 0)
    wait_until(lambda: states(service, tag).count("SUCCESS") == 3, 20, "those retried to end")
    again = over(service, bulk(service, "retry", filter={"tag": tag, "state": ["cancelled"]}))
    assert (again["succeeded"], again["skipped"]) == (0, 3), "somebody was retried twice"

    deleted = over(service, bulk(service, "delete", filter={"tag": tag}))
    assert (deleted["matching"], deleted["succeeded"], deleted["skipped"]) == (7, 6, 1)
    assert states(service, tag) == ["PENDING"]
    newest = service.get("/api/bulk").json()["bulks"]
    assert [one["bulk_id"] for one in newest[:4]] == [one["bulk_id"] for one in (deleted, again, retried, cancelled)]
    problem(service.request("POST", deleted["links"]["abort"]), 409)


def test_a_group_of_failures_is_retried_once(service: Service) -> None:
    tag = mark()
    failed = [service.run("test_fail", tags=[tag]) for _ in range(2)]
    answer = service.request("POST", f"/api/failures/{failed[0]['failure']}/retry", json={"reason": "mended"})
    assert answer.status_code == 202, answer.text
    done = over(service, answer.json())
    assert done["filter"] == {"failure": [failed[0]["failure"]]}
    for task in failed:
        retried = service.task(task["task_id"])["retried_as"]
        assert service.finished(retried)["retry_of"] == task["task_id"]


@pytest.mark.parametrize("failure", ["0" * 16, "x", "a" * 300])
def test_a_failure_that_is_not_there_is_not_found(service: Service, failure: str) -> None:
    answer = service.request("POST", f"/api/failures/{failure}/retry")
    assert problem(answer, 404)["error"] == "failure_not_found"


@pytest.mark.parametrize("filter_", [{}, {"q": "  "}, {"state": []}])
def test_an_empty_filter_is_refused(service: Service, filter_: Json) -> None:
    answer = service.request("POST", "/api/bulk", json={"action": "delete", "filter": filter_})
    assert "matches every task" in invalid(answer)["filter"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"filter": {"q": "x"}}, "action"),
        ({"action": "burn", "filter": {"q": "x"}}, "action"),
        ({"action": "cancel"}, "filter"),
        ({"action": "cancel", "filter": {"state": "tired"}}, "filter.state"),
        ({"action": "cancel", "filter": {"limit": 5}}, "filter.limit"),
        ({"action": "cancel", "filter": {"state": 5}}, "filter.state"),
        ({"action": "cancel", "filter": {"task_type": None}}, "filter.task_type"),
    ],
)
def test_what_does_not_fit_is_said_by_field(service: Service, body: Json, path: str) -> None:
    assert path in invalid(service.request("POST", "/api/bulk", json=body))


def test_a_search_that_cannot_be_read_says_where(service: Service) -> None:
    answer = service.request("POST", "/api/bulk", json={"action": "cancel", "filter": {"q": "state:("}})
    wrong = problem(answer, 422)["errors"][0]
    assert (wrong["path"], wrong["position"]) == ("filter.q", 6)


def test_an_abort_is_obeyed_at_once(service: Service) -> None:
    for _ in range(3):
        tag = mark()
        submitted(service, tag, 2500)
        said = bulk(service, "cancel", filter={"tag": tag})
        aborted = service.request("POST", said["links"]["abort"])
        if aborted.status_code == 200:
            break
        assert over(service, said)["state"] == "done", "it was not over, and would not be aborted"
    assert (aborted.status_code, aborted.json()["state"]) == (200, "aborted"), aborted.text
    assert service.get(said["links"]["self"]).json() == aborted.json()
    assert over(service, bulk(service, "cancel", filter={"tag": tag}))["state"] == "done"


def test_a_keeper_killed_again_and_again_retries_each_task_once(stack: Stack) -> None:
    tag, number, kills = mark(), 3000, 0
    submitted(stack, tag, number)
    assert over(stack, bulk(stack, "cancel", filter={"tag": tag}))["succeeded"] == number
    said = bulk(stack, "retry", filter={"tag": tag})
    keeper = stack.processes["keeper"]
    seen = stack.get(said["links"]["self"]).json()
    while seen["state"] in {"freezing", "running"}:
        if kills < 4 and seen["done"] >= kills * 500:
            keeper.send_signal(signal.SIGKILL)
            keeper.wait(10)
            keeper.start()
            kills += 1
        time.sleep(0.02)
        seen = stack.get(said["links"]["self"]).json()
    assert (seen["state"], seen["matching"], seen["succeeded"], seen["skipped"]) == ("done", number, number, 0)
    tagged = f"FROM tasks WHERE tags @> '[\"{tag}\"]'"
    assert stack.rows(f"SELECT count(*), count(DISTINCT retry_of), count(retried_as) {tagged}") == [
        (2 * number, number, number)
    ]
    assert kills == 4
    over(stack, bulk(stack, "cancel", filter={"tag": tag}), 60)
