"""Submitting something only once: the same in both modes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
import requests

from tests.integration.service import Service

RACERS, RACES = 16, 1000


def submit(service: Service, body: dict[str, Any], key: str | None = None) -> requests.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return service.request("POST", "/api/tasks", json={"task_type": "test_echo", **body}, headers=headers)


def test_the_same_key_and_body_have_the_same_answer(service: Service) -> None:
    key, body = str(uuid4()), {"parameters": {"value": 1}, "tags": ["a"]}
    first, second = submit(service, body, key), submit(service, dict(reversed(body.items())), key)
    assert (first.status_code, second.status_code, first.json()) == (202, 202, second.json())
    assert ("Idempotent-Replay" in first.headers, second.headers["Idempotent-Replay"]) == (False, "true")
    assert service.finished(first.json()["task_id"])["result"] == 1
    assert submit(service, body, key).json() == first.json()
    waited = service.request(
        "POST", "/api/tasks?wait=30", json={"task_type": "test_echo", **body}, headers={"Idempotency-Key": key}
    )
    assert (waited.status_code, waited.json()["result"], waited.headers["Idempotent-Replay"]) == (200, 1, "true")


def test_the_same_key_with_another_body_is_refused(service: Service) -> None:
    key = str(uuid4())
    assert submit(service, {"parameters": {"value": 1}}, key).status_code == 202
    answer = submit(service, {"parameters": {"value": 2}}, key)
    assert (answer.status_code, answer.json()["error"]) == (422, "idempotency_key_reused")


def test_what_was_refused_takes_no_key(service: Service) -> None:
    key = str(uuid4())
    assert submit(service, {"parameters": {"unknown": 1}}, key).status_code == 422
    assert submit(service, {"parameters": {"value": 1}}, key).status_code == 202


@pytest.mark.parametrize("key", ["a b", "x" * 256])
def test_a_key_is_a_word(service: Service, key: str) -> None:
    answer = submit(service, {}, key)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "Idempotency-Key")


def test_a_thousand_at_once_are_one_task(service: Service) -> None:
    key = str(uuid4())
    with ThreadPoolExecutor(RACERS) as pool:
        answers = list(pool.map(lambda _: submit(service, {"parameters": {"value": key}}, key), range(RACES)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["task_id"] for answer in answers}) == 1
    assert sum("Idempotent-Replay" not in answer.headers for answer in answers) == 1


def test_what_is_unique_for_a_while_is_not_accepted_again(service: Service) -> None:
    value = str(uuid4())
    body = {"parameters": {"value": {"user": value, "n": 1}}, "unique_for": 60}
    first, second = submit(service, body), submit(service, body)
    assert (first.json()["unique"], second.json()["unique"]) == ("new", "existing")
    assert second.json()["task_id"] == first.json()["task_id"]
    assert second.json()["message"] == "The same task was submitted before."
    by_user = {"unique_by": ["task_type", "parameters.value.user"]}
    third = submit(service, {**body, **by_user})
    other = submit(service, {"parameters": {"value": {"user": value, "n": 2}}, "unique_for": 60, **by_user})
    assert (third.json()["unique"], other.json()["unique"]) == ("new", "existing")
    assert other.json()["task_id"] == third.json()["task_id"]


def test_the_latest_of_many_wins_and_is_run_once(service: Service) -> None:
    user = str(uuid4())
    body = {"debounce": 300, "debounce_by": ["parameters.value.user"], "debounce_max": 900, "tags": [user]}
    answers = [submit(service, {"parameters": {"value": {"user": user, "n": n}}, **body}).json() for n in range(5)]
    assert [said["debounced"] for said in answers] == ["new"] + ["replaced"] * 4
    (task_id,) = {said["task_id"] for said in answers}
    assert {said["status"] for said in answers} == {"scheduled"}
    now = service.request("POST", f"/api/tasks/{task_id}/run-now")
    assert now.status_code == 200, now.text
    task = service.finished(task_id)
    assert (task["result"]["n"], task["attempt"], task["tags"]) == (4, 1, [user])
    assert len(service.get(f"/api/tasks?tag={user}").json()["tasks"]) == 1
    after = submit(service, {"parameters": {"value": {"user": user, "n": 5}}, **body}).json()
    assert (after["debounced"], after["task_id"] == task_id) == ("new", False)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"debounce": 5}, "send debounce_by"),
        ({"debounce_by": ["task_type"]}, "send debounce, too"),
        ({"unique_by": ["task_type"]}, "send unique_for, too"),
        ({"debounce": 5, "debounce_by": ["task_type"], "delay": 1}, "no delay"),
        ({"debounce": 5, "debounce_by": ["task_type"], "debounce_max": 4}, "not be less"),
        ({"debounce": 5, "debounce_by": ["task_type"], "expires_in": 4}, "expire before it is due"),
        ({"debounce": 5, "debounce_by": ["parameters.absent"]}, "there is no 'parameters.absent'"),
    ],
)
def test_a_debounce_and_what_is_unique_say_all_that_they_need(
    service: Service, more: dict[str, Any], message: str
) -> None:
    answer = submit(service, more)
    assert answer.status_code == 422
    assert message in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("unique_by", [["parameters.absent"], ["state"], []])
def test_what_makes_it_unique_must_be_there(service: Service, unique_by: list[str]) -> None:
    answer = submit(service, {"unique_for": 60, "unique_by": unique_by})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"].startswith("unique_by")
