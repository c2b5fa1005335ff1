"""JSON that is nested deep: what is accepted can be shown wherever it stands, the same in both modes."""

import uuid

import pytest

from tests.integration.service import Service
from tests.integration.test_api import invalid, nested

ECHO = b'{"task_type": "test_echo", "parameters": {"value": %b}, %b}'
DEEPER = {
    "parameters": (200, b'"tags": []'),
    "unique": (300, b'"unique_for": 60'),
    "debounced": (300, b'"debounce": 5, "debounce_by": ["parameters"]'),
    "metadata": (0, b'"metadata": {"x": ' + b"[" * 199 + b"]" * 199 + b"}"),
}


@pytest.mark.parametrize(("depth", "more"), DEEPER.values(), ids=DEEPER.keys())
def test_what_could_not_be_shown_in_a_list_is_refused(service: Service, depth: int, more: bytes) -> None:
    body = ECHO % (b"[" * depth + b"1" + b"]" * depth, more)
    assert invalid(service.post(body)) == {"body": "is nested more than 200 levels deep"}
    for path, headers in (
        ("/api/tasks", {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}),
        ("/api/tasks/batch", {"Content-Type": "application/x-ndjson"}),
    ):
        answer = service.request("POST", path, data=body, headers=headers)
        assert list(invalid(answer).values()) == ["is nested more than 200 levels deep"]


def test_metadata_as_deep_as_may_be_are_shown_wherever_they_stand(service: Service) -> None:
    tag = f"deep-{uuid.uuid4().hex}"
    task = service.run("test_noop", tags=[tag], metadata={"x": nested(198)})
    assert task["metadata"] == {"x": nested(198)}
    assert service.get(f"/api/tasks?tag={tag}").json()["tasks"][0]["metadata"] == task["metadata"]
    said = service.request("POST", "/api/bulk", json={"action": "cancel", "filter": {"tag": [tag]}, "dry_run": True})
    assert said.json()["sample"][0]["metadata"] == task["metadata"]


def test_results_as_deep_as_may_be_are_shown_and_such_progress_is_refused(service: Service) -> None:
    task = service.run("test_deep", {"levels": 250})
    assert task["result"] == nested(250)
    assert service.get("/api/tasks?include=parameters,result&limit=5").status_code == 200
    task = service.run("test_deep", {"levels": 200, "said": True})
    assert (task["state"], task["error"]["type"], "200 levels" in task["error"]["message"]) == (
        "FAILURE",
        "ValueError",
        True,
    )
