"""Requests to a real server, which the policy of these tests allows."""

import base64
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from task_system import Cancelled, Fail, Retry
from task_system.registry import default_registry
from task_system.task_types.http_request import HttpAnswer, HttpParameters, http_request
from task_system.task_types.secret_values import Secrets
from task_system.testing import FakeContext
from tests.unit.task_types.http_server import HOST, Server, ask, context, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


# --- parameters


def test_the_type_is_registered_with_examples_that_validate() -> None:
    registered = default_registry.get("http_request")
    assert registered.lane == "default"
    assert registered.example == {"url": "https://example.com/"}
    for example in HttpParameters.model_json_schema()["examples"]:
        HttpParameters.model_validate(example)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"url": "ftp://example.com/"}, "http:// or https://"),
        ({"url": "/relative"}, "http:// or https://"),
        ({"url": "http:///nowhere"}, "http:// or https://"),
        ({"url": "http://ann:secret@example.com/"}, "must not hold a name or password"),
        ({"url": "http://example.com/\0"}, "is no URL"),
        ({"method": "TRACE"}, "'GET'"),
        ({"headers": {"a b": "x"}}, "no name of a header"),
        ({"headers": {"a": "x\r\ny: z"}}, "one line of printable ASCII"),
        ({"headers": {"a": " x"}}, "without spaces around it"),
        ({"headers": {"Host": "x"}}, "made by the service"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "made by the service"),
        ({"headers": {"a": "1", "A": "2"}}, "there twice"),
        ({"headers": {"a": {"secret": "no name"}}}, "pattern"),
        ({"body_text": "", "body_json": {}}, "not both"),
        ({"expected_status": 99}, "greater than or equal to 200"),
        ({"timeout_s": 0}, "greater than 0"),
        ({"max_redirects": 11}, "less than or equal to 10"),
    ],
)
def test_parameters_that_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        HttpParameters(**{"url": "http://example.com/", **parameters})
    assert message in str(error.value)


# --- what is sent


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods(tmp_path: Path, server: Server, method: str) -> None:
    answer = ask(tmp_path, server, "/a?b=c", method=method)
    assert (answer.status, answer.body) == (200, None if method == "HEAD" else "hello")
    assert server.asked[0][:2] == (method, "/a?b=c")


@pytest.mark.parametrize(
    ("parameters", "media_type", "body"),
    [
        ({"body_text": "K\u00f6ln"}, "text/plain; charset=utf-8", "K\u00f6ln".encode()),
        ({"body_text": "<a/>", "headers": {"content-type": "application/xml"}}, "application/xml", b"<a/>"),
        ({"body_json": {"a": [1, None]}}, "application/json", b'{"a":[1,null]}'),
        ({"body_json": False}, "application/json", b"false"),
        ({}, None, b""),
    ],
)
def test_bodies(
    tmp_path: Path, server: Server, parameters: dict[str, Any], media_type: str | None, body: bytes
) -> None:
    ask(tmp_path, server, method="POST", **parameters)
    _, _, headers, sent = server.asked[0]
    assert (headers.get("content-type"), sent) == (media_type, body)
    assert headers["host"] == f"{HOST}:{server.port}"
    assert headers["accept-encoding"] == "identity"


def test_a_proxy_of_the_environment_is_not_asked(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert ask(tmp_path, server).status == 200


# --- what comes back


@pytest.mark.parametrize(
    ("media_type", "content", "kind", "body"),
    [
        ("application/json", b'{"a": 1}', "json", {"a": 1}),
        ("application/problem+json; charset=utf-8", b"[1.5]", "json", [1.5]),
        ("application/json", b'"\\ud83d\\ude00"', "json", "\U0001f600"),
        ("application/json", b"{", "text", "{"),
        ("application/json", b"[NaN]", "text", "[NaN]"),
        ("application/json", b"[1e999]", "text", "[1e999]"),
        ("application/json", b'"\\ud83d"', "text", '"\\ud83d"'),
        ("application/json", b'"\\u0000"', "text", '"\\u0000"'),
        ("application/json", b"[" * 50_000, "text", "[" * 50_000),
        ("text/plain; charset=latin-1", b"K\xf6ln", "text", "K\u00f6ln"),
        ('text/html; charset="UTF-8"', "K\u00f6ln".encode(), "text", "K\u00f6ln"),
        ("text/plain", b"K\xf6ln", "base64", base64.b64encode(b"K\xf6ln").decode()),
        ("text/plain; charset=hex", b"ff", "base64", base64.b64encode(b"ff").decode()),
        ("text/plain; charset=nonsense", b"ff", "base64", base64.b64encode(b"ff").decode()),
        ("text/plain", b"a\0b", "base64", base64.b64encode(b"a\0b").decode()),
        ("image/png", b"abc", "base64", base64.b64encode(b"abc").decode()),
        ("text/plain", b"", "empty", None),
    ],
)
def test_bodies_are_typed(
    tmp_path: Path, server: Server, media_type: str, content: bytes, *, kind: str, body: Any
) -> None:
    server.answers["/"] = (200, {"Content-Type": media_type}, content)
    answer = ask(tmp_path, server)
    assert (answer.body_type, answer.body, answer.body_bytes, answer.cut) == (kind, body, len(content), False)
    assert HttpAnswer.model_validate_json(answer.model_dump_json()) == answer


def test_a_packed_body_is_not_unpacked(tmp_path: Path, server: Server) -> None:
    server.answers["/"] = (200, {"Content-Type": "text/plain", "Content-Encoding": "gzip"}, b"\x1f\x8b")
    answer = ask(tmp_path, server)
    assert (answer.body_type, answer.headers["content-encoding"]) == ("base64", "gzip")


@pytest.mark.parametrize(("limit", "body", "cut"), [(6, "K\u00f6ln!", False), (5, "K\u00f6ln", True), (2, "K", True)])
def test_a_long_body_is_cut(tmp_path: Path, server: Server, limit: int, body: str, *, cut: bool) -> None:
    server.answers["/"] = (200, {"Content-Type": "text/plain"}, "K\u00f6ln!".encode())
    answer = ask(tmp_path, server, max_response_bytes=limit)
    assert (answer.body_type, answer.body, answer.cut, answer.body_bytes) == ("text", body, cut, limit)


def test_json_that_was_cut_is_text(tmp_path: Path, server: Server) -> None:
    server.answers["/"] = (200, {"Content-Type": "application/json"}, b"12345")
    assert ask(tmp_path, server, max_response_bytes=3).body == "123"
    assert ask(tmp_path, server, max_response_bytes=0).body_type == "empty"


def test_cookies_are_left_out_of_the_result(tmp_path: Path, server: Server) -> None:
    server.answers["/"] = (200, {"Set-Cookie": "session=1", "X-Other": "2"}, b"")
    headers = ask(tmp_path, server).headers
    assert headers["x-other"] == "2"
    assert "set-cookie" not in headers


# --- what became of it


@pytest.mark.parametrize("status", [400, 401, 404, 304, 302])
def test_other_statuses_fail_for_good(tmp_path: Path, server: Server, status: int) -> None:
    server.answers["/"] = (status, {"Content-Type": "text/plain"}, b"" if status == 304 else b"what?")
    with pytest.raises(Fail, match=f"answered {status}" + ("" if status == 304 else r" .*: what\?")):
        ask(tmp_path, server)


def test_a_status_may_be_expected(tmp_path: Path, server: Server) -> None:
    server.answers["/"] = (404, {}, b"")
    assert ask(tmp_path, server, expected_status=404).status == 404
    assert ask(tmp_path, server, expected_status=[200, 404]).status == 404
    with pytest.raises(Fail, match="answered 200"):
        ask(tmp_path, server, "/other", expected_status=[404])


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 425, 429])
def test_statuses_that_may_change_are_tried_again_by_the_policy(tmp_path: Path, server: Server, status: int) -> None:
    server.answers["/"] = (status, {"Content-Type": "application/json"}, b'{"why": "busy"}')
    with pytest.raises(Retry, match=f'answered {status} .*: {{"why": "busy"}}') as retry:
        ask(tmp_path, server)
    assert retry.value.delay_s is None


def in_an_hour() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "at_least_s", "at_most_s"),
    [
        ("7", 7, 7),
        (in_an_hour, 3500, 3600),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0, 0),
        ("99999999999999999999", 86_400, 86_400),
    ],
)
def test_retry_after_is_obeyed(
    tmp_path: Path,
    server: Server,
    status: int,
    *,
    header: str | Callable[[], str],
    at_least_s: float,
    at_most_s: float,
) -> None:
    server.answers["/"] = (status, {"Retry-After": header if isinstance(header, str) else header()}, b"")
    with pytest.raises(Retry) as retry:
        ask(tmp_path, server)
    assert retry.value.delay_s is not None
    assert at_least_s <= retry.value.delay_s <= at_most_s


@pytest.mark.parametrize("header", ["soon", "", "-1", "1.5", "\u0661".encode().decode("latin-1")])
def test_a_retry_after_that_nobody_understands_is_left_aside(tmp_path: Path, server: Server, header: str) -> None:
    server.answers["/"] = (503, {"Retry-After": header}, b"")
    with pytest.raises(Retry) as retry:
        ask(tmp_path, server)
    assert retry.value.delay_s is None


def test_no_server_there_is_tried_again(tmp_path: Path) -> None:
    with serving() as gone:
        pass
    with pytest.raises(Retry, match=r"127\.0\.0\.1 cannot be reached"):
        ask(tmp_path, gone)


def test_a_name_that_nobody_knows_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(Retry, match="the name cannot be resolved"):
        http_request(FakeContext(tmp_path), HttpParameters(url="http://no-such-name.invalid/"))


@pytest.mark.parametrize("path", ["/silent", "/drip"])
def test_the_time_limit_is_for_everything(tmp_path: Path, server: Server, path: str) -> None:
    server.answers[path] = (200, {}, b"x" * 100_000)
    started = time.monotonic()
    with pytest.raises(Retry, match=r"not there within 0\.3 s"):
        ask(tmp_path, server, path, timeout_s=0.3)
    assert time.monotonic() - started < 25


@pytest.mark.parametrize("path", ["/silent", "/drip"])
def test_a_cancel_is_heard_while_waiting(tmp_path: Path, server: Server, path: str) -> None:
    server.answers[path] = (200, {}, b"x" * 100_000)
    ctx = context(tmp_path, server)

    def cancel_when_asked() -> None:
        server.was_asked.wait(30)
        ctx.cancel()

    canceller = threading.Thread(target=cancel_when_asked)
    canceller.start()
    with pytest.raises(Cancelled):
        http_request(ctx, HttpParameters(url=server.url(path), timeout_s=60))
    canceller.join()


# --- secrets


def test_a_secret_is_sent_and_shown_nowhere(tmp_path: Path, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ctx = context(tmp_path, server, secrets=Secrets({"TOKEN": "Bearer s3cret"}))
    server.answers["/wrong"] = (401, {"X-You-Sent": "Bearer s3cret"}, b"not with Bearer s3cret")
    parameters = HttpParameters(url=server.url("/echo"), headers={"Authorization": {"secret": "TOKEN"}})
    answer = http_request(ctx, parameters)
    assert server.asked[0][2]["authorization"] == "Bearer s3cret"
    assert answer.body["authorization"] == "[secret TOKEN]"
    with pytest.raises(Fail, match=r"not with \[secret TOKEN\]") as failure:
        http_request(ctx, parameters.model_copy(update={"url": server.url("/wrong")}))
    everything = (
        f"{answer!r} {failure.value!r} {parameters!r} {ctx.reports!r} {caplog.text} {Secrets({'A': 's3cret'})!r}"
    )
    assert "s3cret" not in everything
    assert failure.value.__suppress_context__ or failure.value.__context__ is None


def test_secrets_that_cannot_be_used(tmp_path: Path, server: Server) -> None:
    secrets = Secrets({"BOUND": "x", "LINES": "a\nb"}, hosts={"BOUND": ["API.example.com"]})
    for name, reason in (
        ("OTHER", "no secret named `OTHER`"),
        ("BOUND", "bound it to its hosts"),
        ("LINES", "`LINES` is not one line"),
    ):
        parameters = HttpParameters(url=server.url(), headers={"X": {"secret": name}})
        with pytest.raises(Fail, match=reason):
            http_request(context(tmp_path, server, secrets=secrets), parameters)
    with pytest.raises(Fail, match="no secret named"):
        http_request(context(tmp_path, server), parameters)
    assert secrets.value("BOUND", host="api.example.com") == "x"
    assert server.connections == 0
    with pytest.raises(ValueError, match="these secrets are empty: A"):
        Secrets({"A": ""})
