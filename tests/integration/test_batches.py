"""Many tasks at once: the same in both modes."""

import json
from typing import Any

import pytest

from tests.integration.service import MAX_BODY_BYTES, Service, wait_until
from tests.standstill import Stopwatch

MANY = 10_000
FAR = 3600.0


def batch(service: Service, tasks: list[Any], mode: str = "all") -> tuple[int, dict[str, Any]]:
    answer = service.request("POST", "/api/tasks/batch", json={"tasks": tasks, "mode": mode})
    return answer.status_code, answer.json()


def task(value: Any = 1, **more: Any) -> dict[str, Any]:
    return {"task_type": "test_echo", "parameters": {"value": value}, **more}


def test_all_of_a_batch_are_done(service: Service) -> None:
    status, said = batch(service, [task(number, tags=["b"]) for number in range(250)])
    assert (status, said["accepted"], said["refused"]) == (202, 250, 0)
    address = said["links"]["self"]
    wait_until(lambda: service.get(address).json()["finished"] == 250, 20, lambda: service.get(address).text)
    counted = service.get(address).json()
    assert (counted["counts"], counted["percent"], counted["total"]) == ({"SUCCESS": 250}, 100.0, 250)
    for number in (0, 249):
        shown = service.task(said["tasks"][number]["task_id"])
        assert (shown["result"], shown["tags"], shown["batch_id"]) == (number, ["b"], said["batch_id"])


def test_one_that_is_invalid_refuses_all(service: Service) -> None:
    status, problem = batch(service, [task(), task(unknown=1), {"task_type": "nothing"}, 7])
    assert (status, problem["error"]) == (422, "invalid_submission")
    paths = [error["path"] for error in problem["errors"]]
    assert paths == ["tasks.1.unknown", "tasks.2.task_type", "tasks.3.body"]


def test_what_is_said_of_lines_is_not_ignored_with_json(service: Service) -> None:
    answer = service.request("POST", "/api/tasks/batch?mode=each", json={"tasks": [task(), task(unknown=1)]})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["path"], "in the body" in error["message"]) == (422, "mode", True)
    answer = service.request("POST", "/api/tasks/batch", data=b"{}\n", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, "application/x-ndjson" in answer.json()["detail"]) == (415, True)


def test_what_is_to_be_submitted_once_is_submitted_alone(service: Service) -> None:
    status, problem = batch(service, [task(unique_for=60)])
    assert (status, problem["errors"][0]["path"]) == (422, "tasks.0.unique_for")
    body = {"tasks": [task()]}
    answer = service.request("POST", "/api/tasks/batch", json=body, headers={"Idempotency-Key": "a"})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "Idempotency-Key")


def test_or_the_others_are_accepted(service: Service) -> None:
    status, said = batch(service, [task(unknown=1), task(2), task("a\0b"), task(3, delay=FAR)], "each")
    assert (status, said["accepted"], said["refused"]) == (202, 2, 2)
    assert [sorted(one) for one in said["tasks"]] == [["errors"], ["run_at", "status", "task_id"]] * 2
    assert said["tasks"][0]["errors"][0]["path"] == "unknown"
    assert said["tasks"][3]["status"] == "scheduled"
    assert service.finished(said["tasks"][1]["task_id"])["result"] == 2
    assert service.get(said["links"]["self"]).json()["counts"] == {"SUCCESS": 1, "PENDING": 1}


def newest(service: Service) -> list[str]:
    """The ids of the newest batches: what is said beside them changes while their tasks run."""
    return [one["batch_id"] for one in service.get("/api/batches").json()["batches"]]


def test_of_which_none_is_accepted_is_no_batch(service: Service) -> None:
    before = newest(service)
    status, problem = batch(service, [task(unknown=1), task("a\0b")], "each")
    assert (status, [error["path"] for error in problem["errors"]]) == (422, ["tasks.0.unknown", "tasks.1.parameters"])
    status, problem = lines(service, b"{\n[]\n", "each")
    assert (status, [error["path"] for error in problem["errors"]]) == (422, ["lines.1.body", "lines.2.body"])
    assert newest(service) == before


@pytest.mark.parametrize("tasks", [[], "x", [task()] * (MANY + 1)], ids=["none", "no list", "too many"])
def test_a_batch_has_at_least_one_and_not_too_many(service: Service, tasks: Any) -> None:
    status, problem = batch(service, tasks)
    assert (status, problem["errors"][0]["path"]) == (422, "tasks")


@pytest.mark.parametrize("batch_id", ["x", "018f0000-0000-7000-8000-000000000000"])
def test_a_batch_that_is_not_there_is_not_found(service: Service, batch_id: str) -> None:
    answer = service.get(f"/api/batches/{batch_id}")
    assert (answer.status_code, answer.json()["error"]) == (404, "batch_not_found")


def lines(service: Service, body: bytes, mode: str = "all", **query: str) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/x-ndjson"}
    answer = service.request(
        "POST", "/api/tasks/batch", data=body, headers=headers, params={"mode": mode, **query}, timeout_s=60
    )
    return answer.status_code, answer.json()


def test_lines_are_accepted_each_or_all(service: Service) -> None:
    good = [json.dumps(task(number)).encode() for number in range(1000)]
    bad = [b"{", b'{"task_type": "test_echo", "parameters": {"values": 1}}', b"", b'"' + b"x" * MAX_BODY_BYTES + b'"']
    body = b"\n".join([*good[:500], *bad, *good[500:]])
    status, said = lines(service, body, "each")
    assert (status, said["accepted"], said["refused"]) == (202, 1000, 4)
    assert [error["line"] for error in said["errors"]] == [501, 502, 503, 504]
    assert [error["errors"][0]["path"] for error in said["errors"]] == ["body", "parameters.values", "body", "body"]
    address = said["links"]["self"]
    wait_until(lambda: service.get(address).json()["finished_at"], 60, lambda: service.get(address).text)
    over = service.get(address).json()
    assert (over["total"], over["counts"], over["callback_task_id"]) == (1000, {"SUCCESS": 1000}, None)

    status, problem = lines(service, body)
    assert status == 422
    assert [error["path"] for error in problem["errors"]][:2] == ["lines.501.body", "lines.502.parameters.values"]
    status, said = lines(service, b"\n".join(good[:20]))
    assert (status, said["accepted"], said["refused"], said["errors"]) == (202, 20, 0, [])
    assert newest(service)[:2] == [said["batch_id"], over["batch_id"]]


@pytest.mark.parametrize(("body", "query"), [(b"", {}), (b"{}", {"mode": "some"}), (b"{}", {"callback": "{"})])
def test_what_is_no_batch_of_lines_is_refused(service: Service, body: bytes, query: dict[str, str]) -> None:
    assert lines(service, body, **query)[0] == 422


def test_what_follows_a_batch_is_submitted_once_all_are_over(service: Service) -> None:
    callback = {**task("after"), "metadata": {"mine": 1}, "tags": ["followed"], "priority": "high"}
    body = {"tasks": [task(0), {"task_type": "test_fail"}, task(1, delay=1)], "callback": callback}
    said = service.request("POST", "/api/tasks/batch", json=body).json()
    address = said["links"]["self"]
    shown = wait_until(lambda: service.get(address).json()["callback_task_id"], 30, lambda: service.get(address).text)
    followed = service.finished(shown)
    assert (followed["result"], followed["tags"], followed["priority"]) == ("after", ["followed"], "high")
    became = {"batch_id": said["batch_id"], "total": 3, "counts": {"SUCCESS": 2, "FAILURE": 1}}
    assert followed["metadata"] == {"mine": 1, "batch": became}
    assert followed["batch_id"] is None
    status, said = lines(service, json.dumps(task(0)).encode(), callback=json.dumps(task("again")))
    assert status == 202
    wait_until(lambda: service.get(said["links"]["self"]).json()["callback_task_id"], 30, "what follows")


def test_a_callback_must_be_a_submission(service: Service) -> None:
    body = {"tasks": [task(0)], "callback": {"task_type": "test_echo", "parameters": {"values": 1}}}
    answer = service.request("POST", "/api/tasks/batch", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "callback.parameters.values"


def test_ten_thousand_are_accepted_at_once(service: Service, record_property: Any) -> None:
    body = json.dumps({"tasks": [task(number, delay=FAR) for number in range(MANY)]}).encode()
    assert len(body) > MAX_BODY_BYTES, "larger than any other request may be"
    watch = Stopwatch()
    answer = service.request("POST", "/api/tasks/batch", data=body, headers={"Content-Type": "application/json"})
    took_s = watch.s
    record_property("took_s", took_s)
    assert (answer.status_code, answer.json()["accepted"]) == (202, MANY)
    assert service.get(answer.json()["links"]["self"]).json()["counts"] == {"PENDING": MANY}
    print(f"10,000 tasks accepted in {took_s:.2f} s ({service.mode})")
    assert took_s < 10
