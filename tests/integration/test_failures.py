"""What failed for good, grouped, in both modes."""

import pytest

from tests.integration.service import Json, Service
from tests.integration.test_api import invalid


def group_of(service: Service, failure: str) -> Json:
    answer = service.get("/api/failures?window=1h")
    assert answer.status_code == 200, answer.text
    (group,) = (group for group in answer.json()["failures"] if group["failure"] == failure)
    found: Json = group
    return found


def test_those_that_fail_alike_are_one_group(service: Service) -> None:
    failed = [service.run("test_fail") for _ in range(2)]
    (failure,) = {task["failure"] for task in failed}
    before = group_of(service, failure)
    assert (before["task_type"], before["error_type"]) == ("test_fail", failed[0]["error"]["type"])
    assert before["example_task_id"] == failed[1]["task_id"]
    listed = service.get(before["links"]["tasks"]).json()["tasks"]
    assert [task["task_id"] for task in listed[:2]] == [failed[1]["task_id"], failed[0]["task_id"]]
    assert service.get(f"/api/tasks?q=failure:{failure}").json()["tasks"] == listed
    again = service.request("POST", f"/api/tasks/{failed[0]['task_id']}/retry").json()["task_id"]
    assert service.finished(again)["failure"] == failure
    after = group_of(service, failure)
    assert (after["count"], after["open"]) == (before["count"] + 1, before["open"])


def test_what_succeeds_is_no_failure(service: Service) -> None:
    assert service.run("test_noop")["failure"] is None


@pytest.mark.parametrize(
    "query", ["window=2h", "limit=0", "cursor=x", "cursor=0001-01-01~a", "cursor=2026-01-01T00:00:00Z~%00", "unknown=1"]
)
def test_what_is_no_query_is_refused(service: Service, query: str) -> None:
    assert invalid(service.get(f"/api/failures?{query}")).keys() == {query.partition("=")[0]}
