"""Many tasks at once: the same in both modes."""

import json
import time
from typing import Any

import pytest

from tests.integration.service import MAX_BODY_BYTES, Service, wait_until

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


@pytest.mark.parametrize("tasks", [[], "x", [task()] * (MANY + 1)], ids=["none", "no list", "too many"])
def test_a_batch_has_at_least_one_and_not_too_many(service: Service, tasks: Any) -> None:
    status, problem = batch(service, tasks)
    assert (status, problem["errors"][0]["path"]) == (422, "tasks")


@pytest.mark.parametrize("batch_id", ["x", "018f0000-0000-7000-8000-000000000000"])
def test_a_batch_that_is_not_there_is_not_found(service: Service, batch_id: str) -> None:
    answer = service.get(f"/api/batches/{batch_id}")
    assert (answer.status_code, answer.json()["error"]) == (404, "batch_not_found")


def test_ten_thousand_are_accepted_at_once(service: Service, record_property: Any) -> None:
    body = json.dumps({"tasks": [task(number, delay=FAR) for number in range(MANY)]}).encode()
    assert len(body) > MAX_BODY_BYTES, "larger than any other request may be"
    began = time.monotonic()
    answer = service.request("POST", "/api/tasks/batch", data=body, headers={"Content-Type": "application/json"})
    took_s = time.monotonic() - began
    record_property("took_s", took_s)
    assert (answer.status_code, answer.json()["accepted"]) == (202, MANY)
    assert service.get(answer.json()["links"]["self"]).json()["counts"] == {"PENDING": MANY}
    print(f"10,000 tasks accepted in {took_s:.2f} s ({service.mode})")
    assert took_s < 10
