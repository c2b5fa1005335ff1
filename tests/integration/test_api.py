"""What HTTP promises, the same in both modes: every answer's form, every error's."""

import json
import re
import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from tests.integration.service import HOST_NAME, MAX_BODY_BYTES, ORIGIN, Service, Stack
from tests.standstill import ran_between_s

PROBLEM = "application/problem+json"
Z = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
UNKNOWN = "/api/tasks/01890000-0000-7000-8000-000000000000"


def problem(answer: requests.Response, status: int) -> dict[str, Any]:
    """The answer, if it is a problem document of that status."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text[:500]}"
    assert answer.headers["Content-Type"] == PROBLEM
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    for member in ("type", "title", "detail", "error"):
        assert isinstance(document[member], str), member
        assert document[member], member
    assert "instance" in document
    assert "Traceback" not in answer.text
    assert "<" not in document["detail"]
    return document


def invalid(answer: requests.Response) -> dict[str, str]:
    """The messages of a 422, by path."""
    errors = problem(answer, 422)["errors"]
    assert errors
    assert all(set(error) == {"path", "message"} and error["message"] for error in errors), errors
    return {error["path"]: error["message"] for error in errors}


# Submitting and reading.


@pytest.mark.parametrize("path", ["/api/tasks", "/api/tasks/", "/api/tasks/submit", "/api/tasks/submit/"])
def test_a_submission_is_answered_as_documented(service: Service, path: str) -> None:
    body = {"task_type": "data_processing", "priority": "high", "parameters": {"data": "test data"}, "delay": 0}
    answer = service.request("POST", path, json=body)
    assert answer.status_code == 202
    assert answer.headers["Content-Type"] == "application/json"
    accepted = answer.json()
    task_id = accepted["task_id"]
    assert uuid.UUID(task_id).version == 7
    assert answer.headers["Location"] == f"/api/tasks/{task_id}"
    assert Z.fullmatch(accepted["run_at"])
    assert Z.fullmatch(accepted["created_at"])
    assert {name: accepted[name] for name in accepted if name not in {"task_id", "run_at", "created_at"}} == {
        "state": "PENDING",
        "status": "pending",
        "task_type": "data_processing",
        "priority": "high",
        "queue": "data_processing.high",
        "message": "Task submitted successfully.",
        "links": {"self": f"/api/tasks/{task_id}"},
    }
    task = service.finished(task_id)
    assert task["state"] == "SUCCESS", task["error"]


def test_a_finished_task_shows_all_that_is_documented(service: Service) -> None:
    task = service.run("data_processing", {"data": [3, 1, 4, 1, 5]}, priority="low")
    documented = (
        "task_id task_type priority queue state status parameters result error progress attempt max_attempts created_at"
        " run_at started_at finished_at duration_ms queued_ms worker errors"
    )
    assert set(documented.split()) <= set(task)
    assert (task["state"], task["status"], task["queue"]) == ("SUCCESS", "success", "data_processing.low")
    assert (task["parameters"], task["error"], task["errors"]) == ({"data": [3, 1, 4, 1, 5]}, None, [])
    assert (task["attempt"], task["progress"]["percent"]) == (1, 100)
    assert task["duration_ms"] >= 0
    assert task["queued_ms"] >= 0
    assert task["worker"]
    moments = [task[name] for name in ("created_at", "started_at", "finished_at")]
    assert all(Z.fullmatch(moment) for moment in moments)
    assert moments == sorted(moments)
    assert task["result"]["columns"][0]["numbers"]["mean"] == 2.8


def test_the_root_says_what_this_is(service: Service) -> None:
    answer = service.get("/")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    said = answer.json()
    assert said["version"]
    assert said["links"].keys() >= {"submit", "task_types", "queues", "workers", "batches", "bulk", "live", "ready"}
    for name, link in said["links"].items():
        assert not link.startswith("/api") or service.request("OPTIONS", link).status_code == 200, name


def test_priority_defaults_to_normal_and_parameters_to_none(service: Service) -> None:
    answer = service.post({"task_type": "test_noop"})
    assert answer.status_code == 202
    assert answer.json()["queue"] == "default.normal"


def test_every_task_type_is_described_and_its_example_runs(service: Service) -> None:
    types = {found["name"]: found for found in service.get("/api/task-types").json()["task_types"]}
    assert {"data_processing", "email_sending", "file_processing", "test_noop"} <= set(types)
    for name, found in types.items():
        assert set(found) >= {"description", "lane", "parameters_schema", "result_schema", "retry_policy", "timeout_s"}
        assert found["parameters_schema"]["type"] == "object"
        assert found["retry_policy"]["max_attempts"] >= 1
        assert found["example"]["task_type"] == name
        # Accepted, not run: half of the tests' own types are there to do harm. In ten years they may.
        answer = service.post({**found["example"], "delay": 10 * 365 * 86_400})
        assert answer.status_code == 202, f"{name}: {answer.text}"
        assert answer.json()["queue"] == f"{found['lane']}.normal"


# Errors.


def nested(depth: int) -> Any:
    """A list in a list in a list …"""
    return json.loads("[" * depth + "]" * depth)


MALFORMED = {
    "nothing": b"",
    "half an object": b'{"task_type": ',
    "single quotes": b"{'task_type': 'test_noop'}",
    "bad UTF-8": b'{"task_type": "test_noop\xff"}',
    "lone surrogate": b'{"task_type": "test_echo", "parameters": {"value": "\\ud800"}}',
    "NaN": b'{"task_type": "test_noop", "delay": NaN}',
    "Infinity": b'{"task_type": "test_echo", "parameters": {"value": Infinity}}',
    "two documents": b"{} {}",
    "too deep": b'{"task_type": "test_echo", "parameters": {"value": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}",
    "UTF-16": '{"task_type": "test_noop"}'.encode("utf-16"),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_json_is_refused_with_400(service: Service, body: bytes) -> None:
    problem(service.post(body), 400)


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "text/html"])
def test_another_content_type_is_refused_with_415(service: Service, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    document = problem(service.request("POST", "/api/tasks", data=b'{"task_type": "test_noop"}', headers=headers), 415)
    assert "application/json" in document["detail"]


def test_a_charset_beside_the_content_type_is_fine(service: Service) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    answer = service.request("POST", "/api/tasks", data=b'{"task_type": "test_noop"}', headers=headers)
    assert answer.status_code == 202


INVALID: dict[str, tuple[Any, str]] = {
    "a list": ([], "body"),
    "a number": (1, "body"),
    "null": (None, "body"),
    "no type": ({"parameters": {}}, "task_type"),
    "type of no text": ({"task_type": 7}, "task_type"),
    "unknown type": ({"task_type": "nobody_knows"}, "task_type"),
    "name too long": ({"task_type": "x" * 100_000}, "task_type"),
    "unknown field": ({"task_type": "test_noop", "prioritty": "high"}, "prioritty"),
    "unknown priority": ({"task_type": "test_noop", "priority": "urgent"}, "priority"),
    "priority null": ({"task_type": "test_noop", "priority": None}, "priority"),
    "negative delay": ({"task_type": "test_noop", "delay": -1}, "delay"),
    "delay as text": ({"task_type": "test_noop", "delay": "soon"}, "delay"),
    "delay of ages": ({"task_type": "test_noop", "delay": 1e18}, "delay"),
    "run_at without a zone": ({"task_type": "test_noop", "run_at": "2030-01-01T00:00:00"}, "run_at"),
    "run_at as words": ({"task_type": "test_noop", "run_at": "tomorrow"}, "run_at"),
    "run_at in ages": ({"task_type": "test_noop", "run_at": "2999-01-01T00:00:00Z"}, "run_at"),
    "run_at beyond the calendar": ({"task_type": "test_noop", "run_at": "9999-12-31T23:59:59-12:00"}, "run_at"),
    "run_at before the calendar": ({"task_type": "test_noop", "run_at": "0001-01-01T00:00:00+12:00"}, "run_at"),
    "both times": ({"task_type": "test_noop", "delay": 5, "run_at": "2030-01-01T00:00:00Z"}, "body"),
    "parameters as a list": ({"task_type": "test_noop", "parameters": []}, "parameters"),
    "parameters null": ({"task_type": "test_noop", "parameters": None}, "parameters"),
    "unknown parameter": ({"task_type": "test_noop", "parameters": {"extra": 1}}, "parameters.extra"),
    "parameter of another type": ({"task_type": "test_flaky", "parameters": {"times": "x"}}, "parameters.times"),
    "parameter within a list": (
        {"task_type": "email_sending", "parameters": {"to": ["ann@example.com", "nobody"]}},
        "parameters.to.1",
    ),
    "NUL in a text": ({"task_type": "test_echo", "parameters": {"value": "a\0b"}}, "parameters"),
    "NUL in a key": ({"task_type": "test_echo", "parameters": {"value": {"a\0b": 1}}}, "parameters"),
    "deep": ({"task_type": "test_echo", "parameters": {"value": nested(201)}}, "body"),
    "deeper": ({"task_type": "test_echo", "parameters": {"value": nested(900)}}, "body"),
}


@pytest.mark.parametrize(("body", "path"), INVALID.values(), ids=INVALID.keys())
def test_what_does_not_fit_is_refused_with_422_and_where(service: Service, body: Any, path: str) -> None:
    assert path in invalid(service.post(body))


def test_all_that_is_wrong_is_said_at_once(service: Service) -> None:
    wrong = invalid(service.post({"task_type": "test_noop", "priority": "urgent", "delay": -1, "more": True}))
    assert set(wrong) == {"priority", "delay", "more"}


def test_an_unknown_type_is_told_which_there_are(service: Service) -> None:
    assert "data_processing" in invalid(service.post({"task_type": "data_procesing"}))["task_type"]


def test_a_bad_submission_does_not_harm_those_beside_it(service: Service) -> None:
    """Rows of many requests share a commit: one that the database refuses must not take the others with it."""
    bodies: list[Any] = [{"task_type": "test_noop"}] * 20 + [INVALID["run_at beyond the calendar"][0]] * 4
    statuses = sorted(answer.status_code for answer in at_once(service, bodies))
    assert statuses == [202] * 20 + [422] * 4


def at_once(service: Service, bodies: list[Any]) -> Iterator[requests.Response]:
    """Submit from as many threads as there are bodies."""
    with ThreadPoolExecutor(len(bodies)) as pool:
        yield from pool.map(lambda body: requests.post(f"{service.base_url}/api/tasks", json=body, timeout=20), bodies)


def as_floats(value: Any) -> Any:
    """The value with each whole number beyond 64 bits as JSON's readers take it."""
    return json.loads(json.dumps(value), parse_int=lambda digits: int(digits) if len(digits) < 21 else float(digits))


VALUES: dict[str, Any] = {
    "empty": "",
    "words": "Grüße, 世界, \U0001f600, \\u0000, \u2028, </script>, '; DROP TABLE tasks; --",
    "keys": {"": 1, "a.b": [None, True, False], "__proto__": {"x": {}}},
    "floats": [0.1, 1e-300, 1e300, -2.5, 5e-324],
    "integers": [0, -1, 2**53 + 1, 2**63 - 1, -(2**63), 2**64 - 1],
    "nested": nested(190),
    "null": None,
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_any_json_comes_back_as_it_was_sent(service: Service, value: Any) -> None:
    task = service.run("test_echo", {"value": value})
    assert task["state"] == "SUCCESS", task["error"]
    # The same number may be written otherwise: 1e300 with all its digits.
    assert as_floats(task["parameters"]) == as_floats({"value": value})
    assert as_floats(task["result"]) == as_floats(value)


@pytest.mark.parametrize(
    "number", [b"1e400", b"-1e999", b"9" * 30, b"1" * 5000, b"1." + b"3" * 5000, b"0." + b"0" * 400 + b"1"]
)
def test_a_huge_number_is_kept_or_refused_and_never_changed_in_silence(service: Service, number: bytes) -> None:
    answer = service.post(b'{"task_type": "test_echo", "parameters": {"value": ' + number + b"}}")
    if answer.status_code == 202:
        kept = service.task(answer.json()["task_id"])["parameters"]["value"]
        assert float(kept) == float(number)
    elif answer.status_code == 422:
        invalid(answer)
    else:
        problem(answer, 400)


@pytest.mark.parametrize("number", [b"1e400", b"-1e400"])
def test_a_delay_beyond_every_float_is_refused(service: Service, number: bytes) -> None:
    answer = service.post(b'{"task_type": "test_noop", "delay": ' + number + b"}")
    assert answer.status_code in {400, 422}
    problem(answer, answer.status_code)


def test_a_body_over_the_limit_is_refused_with_413(service: Service) -> None:
    fits = {"task_type": "test_echo", "parameters": {"value": "x" * (MAX_BODY_BYTES - 100)}}
    assert service.post(fits).status_code == 202
    document = problem(service.post({"task_type": "test_echo", "parameters": {"value": "x" * MAX_BODY_BYTES}}), 413)
    assert f"{MAX_BODY_BYTES:,} bytes" in document["detail"]
    assert service.post(fits).status_code == 202


def test_a_body_in_chunks_is_limited_alike(service: Service) -> None:
    headers = {"Content-Type": "application/json"}
    small = service.request("POST", "/api/tasks", data=iter([b'{"task_type":', b' "test_noop"}']), headers=headers)
    assert small.status_code == 202, small.text
    large = iter([b'{"task_type": "', *[b"x" * 65_536] * 8, b'"}'])
    problem(service.request("POST", "/api/tasks", data=large, headers=headers), 413)


@pytest.mark.parametrize(
    "path", [UNKNOWN, f"{UNKNOWN}/", "/api/tasks/7", "/api/tasks/..%2f..%2fetc", "/api/tasks/%00", "/api/tasks/%ff"]
)
def test_an_unknown_task_is_answered_with_404(service: Service, path: str) -> None:
    problem(service.get(path), 404)


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/nothing", "/api/tasks/a/b/c", "/favicon.ico"])
def test_an_unknown_address_is_answered_with_404(service: Service, path: str) -> None:
    problem(service.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/tasks"),
        ("DELETE", "/api/tasks"),
        ("POST", UNKNOWN),
        ("POST", "/api/task-types"),
        ("POST", "/api/health/live"),
        ("POST", "/"),
        ("TRACE", "/api/tasks"),
        ("NONSENSE", "/api/tasks"),
    ],
)
def test_a_wrong_method_is_answered_with_405_and_the_right_ones(service: Service, method: str, path: str) -> None:
    answer = service.request(method, path)
    problem(answer, 405)
    assert method not in answer.headers["Allow"].split(", ")
    assert answer.headers["Allow"]


# What browsers and other clients need.


def test_head_answers_as_get_without_a_body(service: Service) -> None:
    task = service.run("test_noop")
    for path in ("/", f"/api/tasks/{task['task_id']}", "/api/task-types", "/api/health/live"):
        get, head = service.get(path), service.request("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Type"] == get.headers["Content-Type"]
    assert service.request("HEAD", UNKNOWN).status_code == 404


def test_options_lists_the_methods(service: Service) -> None:
    answer = service.request("OPTIONS", "/api/tasks")
    assert answer.status_code == 200
    assert "POST" in answer.headers["Allow"]
    assert "Content-Type" not in answer.headers


def test_pages_of_configured_origins_may_call_and_others_may_not(service: Service) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    preflight = service.request("OPTIONS", "/api/tasks", headers={"Origin": ORIGIN, **asked})
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert "content-type" in preflight.headers["Access-Control-Allow-Headers"].lower()
    for path in ("/api/task-types", UNKNOWN):
        answer = service.request("GET", path, headers={"Origin": ORIGIN})
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    for origin in ("https://evil.example", f"{ORIGIN}.evil.example", "null"):
        answer = service.request("OPTIONS", "/api/tasks", headers={"Origin": origin, **asked})
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_pages_of_other_sites_change_nothing(service: Service) -> None:
    """A form or a POST without a body is sent to any address without asking; browsers say whose page sent it."""
    evil, here = "https://evil.example", f"http://127.0.0.1:{service.port}"
    purge = ("POST", "/api/queues/default.low/purge")
    for headers in (
        {"Sec-Fetch-Site": "cross-site", "Origin": evil},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": evil},
        {"Origin": "null"},
    ):
        document = problem(service.request(*purge, headers=headers), 403)
        assert (document["error"], "CORS_ORIGINS" in document["detail"]) == ("other_site", True)
        file = {"file": ("a.txt", b"a")}
        problem(service.request("POST", "/api/files", files=file, headers=headers), 403)
        assert service.request("GET", "/api/queues", headers=headers).status_code == 200
    for headers in (
        {"Sec-Fetch-Site": "same-origin", "Origin": here},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
        {"Origin": here},
        {"Origin": ORIGIN},
    ):
        assert service.request(*purge, headers=headers).status_code == 200


def test_nothing_is_answered_under_a_name_that_is_not_ours(service: Service) -> None:
    """A page whose name points here is of one origin with us, to a browser: it could read, and change, everything."""
    port = service.port
    for path in ("/", "/dashboard/", "/no", *(f"/api/{name}" for name in ("tasks", "events", "docs", "health/ready"))):
        document = problem(service.request("GET", path, headers={"Host": f"evil.example:{port}"}), 421)
        assert (document["error"], "`ALLOWED_HOSTS=evil.example`" in document["detail"]) == ("other_host", True)
    as_its_own = {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}
    problem(service.request("POST", "/api/queues/default.low/purge", headers=as_its_own), 421)
    problem(service.request("OPTIONS", "/api/tasks", headers=as_its_own), 421)
    for host in (f"localhost:{port}", f"tasks.localhost:{port}", "[::1]:80", "10.1.2.3", "web:5000", HOST_NAME, ""):
        assert service.request("GET", "/api/health/live", headers={"Host": host}).status_code == 200
    with socket.create_connection(("127.0.0.1", port), timeout=10) as probe:
        probe.sendall(b"GET /api/health/live HTTP/1.0\r\n\r\n")
        assert b" 200 " in probe.recv(100).partition(b"\r\n")[0], "as balancers ask that name no host"


# Health.


def test_a_well_service_is_alive_and_ready(service: Service) -> None:
    assert service.get("/api/health/live").json() == {"status": "alive"}
    ready = service.get("/api/health/ready")
    assert ready.status_code == 200
    checks = ready.json()["checks"]
    assert set(checks) >= {"database", "migrations", "broker", "workers", "keeper"}
    assert ("redis" in checks) == isinstance(service, Stack)
    assert all(check["status"] == "ok" for check in checks.values())
    assert {"default", "data_processing", "email_sending", "file_processing"} <= set(checks["workers"]["lanes"])


def test_a_probe_may_add_what_keeps_caches_from_answering(service: Service) -> None:
    for path in ("/api/health/live", "/api/health/ready"):
        for query in ("ts=1", "ts=1&ts=2", "%00=%ff"):
            assert service.get(f"{path}?{query}").status_code == 200, query


# Times.


def test_a_delayed_task_is_scheduled_and_starts_when_due(service: Service) -> None:
    accepted = service.submit("test_noop", delay=1)
    assert accepted["status"] == "scheduled"
    assert moment(accepted["run_at"]) - moment(accepted["created_at"]) == timedelta(seconds=1)
    assert service.task(accepted["task_id"])["status"] == "scheduled"
    starts_when_due(service, accepted)


def test_a_moment_may_be_named_in_any_zone(service: Service) -> None:
    run_at = datetime.now(UTC) + timedelta(seconds=1.5)
    accepted = service.submit("test_noop", run_at=run_at.isoformat().replace("+00:00", "Z"))
    assert abs(moment(accepted["run_at"]) - run_at) < timedelta(milliseconds=1)
    starts_when_due(service, accepted)


def test_a_moment_that_has_passed_means_now(service: Service) -> None:
    accepted = service.submit("test_noop", run_at="2001-02-03T04:05:06+07:00")
    assert (accepted["status"], accepted["run_at"]) == ("pending", accepted["created_at"])
    task = service.finished(accepted["task_id"])
    assert (task["state"], task["run_at"]) == ("SUCCESS", task["created_at"])
    assert task["queued_ms"] < 3_600_000, "it waits since it was accepted"


def starts_when_due(service: Service, accepted: dict[str, Any]) -> None:
    task = service.finished(accepted["task_id"])
    assert moment(task["started_at"]) >= moment(accepted["run_at"])
    assert ran_between_s(accepted["run_at"], task["started_at"]) <= 10
    assert (task["state"], task["attempt"]) == ("SUCCESS", 1)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
