"""Finding tasks over HTTP, the same in both modes."""

import uuid
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.service import Service
from tests.integration.test_api import invalid, problem

UNSEARCHED = {"parameters", "result", "result_size", "errors", "timeline", "files", "heartbeat_at"}


def listed(service: Service, query: str) -> dict[str, Any]:
    """The page that this query string gets."""
    answer = service.get(f"/api/tasks?{query}")
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    assert set(page) == {"tasks", "next", "searched_to"}
    return page


def ids(page: dict[str, Any]) -> list[str]:
    return [task["task_id"] for task in page["tasks"]]


def mark() -> str:
    """A tag that no other test has."""
    return f"tag-{uuid.uuid4().hex}"


def test_a_list_shows_tasks_newest_first_without_what_may_be_large(service: Service) -> None:
    tag = mark()
    sent = [service.submit("test_echo", {"value": number}, tags=[tag])["task_id"] for number in range(3)]
    whole = [service.finished(task_id) for task_id in sent]
    page = listed(service, f"tag={tag}")
    assert ids(page) == sent[::-1]
    assert (page["next"], page["searched_to"]) == (None, None)
    for shown, task in zip(page["tasks"], whole[::-1], strict=True):
        assert shown == {name: value for name, value in task.items() if name not in UNSEARCHED}
    (first,) = listed(service, f"tag={tag}&limit=1&include=parameters,result")["tasks"]
    assert (first["parameters"], first["result"]) == ({"value": 2}, 2)
    assert "parameters" not in listed(service, f"tag={tag}&include=result")["tasks"][0]


def test_next_leads_through_all_pages(service: Service) -> None:
    tag = mark()
    sent = [service.submit("test_noop", tags=[tag], priority="low")["task_id"] for _ in range(7)]
    path: str | None = f"/api/tasks?limit=3&tag={tag}&q=priority%3Alow"
    found: list[str] = []
    pages = 0
    while path:
        page = service.get(path).json()
        found += ids(page)
        path = page["next"]
        pages += 1
    assert found == sent[::-1]
    assert pages == 3


def test_filters_and_q_find_the_same(service: Service) -> None:
    tag = mark()
    failed = service.run("test_fail", tags=[tag])
    echoed = service.run("test_echo", {"value": {"who": "ann"}}, tags=[tag, "other"], priority="high")
    later = service.submit("test_noop", tags=[tag], delay=600)["task_id"]
    failed_id, echoed_id = failed["task_id"], echoed["task_id"]
    created = echoed["created_at"].replace("+", "%2B")
    for query, expected in {
        "state=failure": [failed_id],
        "state=FAILURE,success": [echoed_id, failed_id],
        "state=failure&state=scheduled": [later, failed_id],
        "task_type=test_echo&task_type=test_noop": [later, echoed_id],
        "task_type=test_echo,%20test_noop": [later, echoed_id],
        "priority=high": [echoed_id],
        "priority=high,low": [echoed_id],
        "queue=default.low,default.high": [echoed_id],
        "queue=default.high": [echoed_id],
        "tag=other": [echoed_id],
        f"worker={quote(failed['worker'])}&state=failure": [failed_id],
        "error=cannot%20be%20done": [failed_id],
        f"created_after={created}": [later],
        "created_before=2020-01-01T00:00:00Z": [],
        "created_after=2020-01-01T00:00:00Z&state=failure": [failed_id],
        "finished_after=2020-01-01T00:00:00Z": [echoed_id, failed_id],
        "finished_before=2020-01-01T00:00:00Z": [],
        f"task_id={failed_id}&task_id={later}&task_id={uuid.uuid4()}": [later, failed_id],
        f"batch_id={uuid.uuid4()}": [],
        f"schedule_id={uuid.uuid4()}": [],
        f"q={quote('state:failure')}": [failed_id],
        f"q={quote('(type:test_e* OR state:scheduled)')}": [later, echoed_id],
        f"q={quote('-error:done')}": [later, echoed_id],
        f"q={quote('parameters.value.who:ann created:<1h')}": [echoed_id],
        f"q={quote('result.who:ann')}": [echoed_id],
        f"q={quote(f'id:{later}')}": [later],
    }.items():
        found = ids(listed(service, f"{query}&q=tag:{tag}" if "q=" not in query else f"{query}%20tag:{tag}"))
        if query.startswith("created_after="):
            found = [task_id for task_id in found if task_id != echoed_id]
        assert found == expected, query


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("colour=red", "colour"),
        ("state=failed", "state.0"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=abc", "cursor"),
        ("cursor=", "cursor"),
        ("cursor=%C3%A9", "cursor"),
        ("priority=urgent", "priority.0"),
        ("batch_id=one", "batch_id.0"),
        ("created_after=yesterday", "created_after"),
        ("created_after=2026-01-01T00:00:00", "created_after"),
        ("created_before=1969-12-31T23:00:00Z", "created_before"),
        ("finished_after=9999-12-31T23:59:59-10:00", "finished_after"),
        ("include=secrets", "include.0"),
        ("tag=", "tag.0"),
        ("worker=a%00b", "worker.0"),
    ],
)
def test_a_wrong_query_is_told_where(service: Service, query: str, path: str) -> None:
    assert path in invalid(service.get(f"/api/tasks?{query}"))


def test_what_is_wrong_with_a_query_is_said_in_words(service: Service) -> None:
    for query, path, said in (
        ("tag=", "tag.0", "must not be empty, nor have the character U+0000 in it"),
        ("created_after=2026-01-31T08:00:00+01:00", "created_after", "a + is written %2B"),
        ("created_after=2026-01-31T08:00:00.5+0100", "created_after", "a + is written %2B"),
        ("created_after=2026-01-31T08:00:00", "created_after", "with its zone, such as 2026-01-31T08:00:00Z"),
    ):
        assert invalid(service.get(f"/api/tasks?{query}"))[path].endswith(said), query


def test_a_wrong_search_is_told_where_and_what_was_expected(service: Service) -> None:
    answer = service.get(f"/api/tasks?q={quote('type:x state:failed')}")
    (error,) = problem(answer, 422)["errors"]
    assert (error["path"], error["position"]) == ("q", 13)
    assert error["expected"].startswith("one of pending, started")
    assert "position 13" in error["message"]
    for q in ("a%00", "(" * 900, "%FF", "%F0%9F%92%A9", "x" * 2000):
        assert service.get(f"/api/tasks?q={q}").status_code in {200, 422}, q
