"""Requests to a real server on a free port of the loopback interface, which the policy of most tests allows."""

import base64
import json
import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from task_system import Cancelled, Fail, Retry
from task_system.registry import default_registry
from task_system.task_types.http_request import HttpAnswer, HttpParameters, HttpPolicy, http_request
from task_system.task_types.http_request.addresses import is_public, unwrapped
from task_system.task_types.secret_values import Secrets
from task_system.testing import FakeContext

HOST = "127.0.0.1"
LOOPBACK = ("127.0.0.0/8", "::1/128")


class Server(ThreadingHTTPServer):
    """Answers what the test put into `answers`, by path: status, headers, body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), Handler)
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections = 0
        self.names: list[str | None] = []
        self.was_asked = threading.Event()
        self.let_go = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def url(self, path: str = "/", host: str = HOST, scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def verify_request(self, *_: Any) -> bool:
        self.connections += 1
        return True

    def handle_error(self, *_: Any) -> None:
        """A client that hung up is no concern of this server."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.command, self.path, headers, body))
        self.server.was_asked.set()
        if self.path == "/echo":
            status, extra, content = 200, {"Content-Type": "application/json"}, json.dumps(headers).encode()
        else:
            status, extra, content = self.server.answers.get(self.path, (200, {"Content-Type": "text/plain"}, b"hello"))
        if self.path == "/silent":
            self.server.let_go.wait(30)
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in extra.items():
            self.send_header(name, value)
        self.end_headers()
        if self.path == "/drip":
            while not self.server.let_go.wait(0.05):
                self.wfile.write(b"x")
        elif self.command != "HEAD":
            self.wfile.write(content)

    # the names are http.server's
    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server()
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def context(tmp_path: Path, *servers: Server, secrets: Secrets | None = None, **options: Any) -> FakeContext:
    policy = HttpPolicy(ports=frozenset(server.port for server in servers), allowed_networks=LOOPBACK)
    resources: dict[type[Any], object] = {HttpPolicy: policy}
    if secrets:
        resources[Secrets] = secrets
    return FakeContext(tmp_path, resources=resources, **options)


def ask(tmp_path: Path, server: Server, path: str = "/", **parameters: Any) -> HttpAnswer:
    return http_request(context(tmp_path, server), HttpParameters(url=server.url(path), **parameters))


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
    assert time.monotonic() - started < 5


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


# --- where requests may go


def test_the_default_policy_lets_nobody_in(tmp_path: Path, server: Server) -> None:
    with pytest.raises(Fail, match=f"Port {server.port} is not allowed in `http://127.0.0.1:{server.port}/`, only 80,"):
        http_request(FakeContext(tmp_path), HttpParameters(url=server.url("/?private=1")))
    ctx = FakeContext(tmp_path, resources={HttpPolicy: HttpPolicy(ports=frozenset({server.port}))})
    for host in ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.0.0.1", "0", "[::1]", "[::ffff:127.0.0.1]"):
        with pytest.raises(Fail, match="an address that is not public"):
            http_request(ctx, HttpParameters(url=server.url(host=host)))
    assert server.connections == 0


def test_schemes_are_allowed_one_by_one(tmp_path: Path) -> None:
    ctx = FakeContext(tmp_path, resources={HttpPolicy: HttpPolicy(schemes=frozenset({"https"}))})
    with pytest.raises(Fail, match="http is not allowed"):
        http_request(ctx, HttpParameters(url="http://example.com/"))


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "168.63.129.16",
        "169.254.169.254",
        "172.31.255.255",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "2001:0:1::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%lo",
        "fec0::1",
        "ff02::1",
        "100::1",
        "2001:db8::1",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(unwrapped(ip_address(address)))
    with pytest.raises(Fail, match="not public"):
        HttpPolicy().check_addresses("name", [ip_address("1.1.1.1"), ip_address(address)])


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::", "192.0.1.1"],
)
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(unwrapped(ip_address(address)))
    HttpPolicy().check_addresses("name", [ip_address(address)])


@given(st.one_of(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)))
def test_what_python_takes_for_private_is_never_public(address: IPv4Address | IPv6Address) -> None:
    target = unwrapped(address)
    if not target.is_global or target.is_multicast or target.is_reserved:
        assert not is_public(target)


def test_an_allowed_network_is_allowed_in_every_dress() -> None:
    policy = HttpPolicy(allowed_networks=("10.1.0.0/16", "fd00::/8"))
    policy.check_addresses("name", [ip_address(text) for text in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1", "8.8.8.8")])
    with pytest.raises(Fail):
        policy.check_addresses("name", [ip_address("10.2.0.0")])
    with pytest.raises(ValueError, match="does not appear"):
        HttpPolicy(allowed_networks=("everything",))


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """A name service that gives one answer after another, and the names that it was asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in answers[min(len(asked), len(answers)) - 1]
        ]

    # what is dialled are addresses, which need no name service
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: (getaddrinfo if host.endswith(".example") else real)(host, *rest, **more),
    )
    return asked


def test_the_address_that_was_checked_is_the_one_that_is_dialled(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolving(monkeypatch, [HOST], ["192.0.2.1"])
    answer = http_request(
        context(tmp_path, server), HttpParameters(url=server.url("/echo", host="rebinding.example"), timeout_s=5)
    )
    assert asked == ["rebinding.example"]
    assert answer.body["host"] == f"rebinding.example:{server.port}"


def test_one_forbidden_address_among_allowed_ones_is_enough(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, [HOST, "10.0.0.1"])
    with pytest.raises(Fail, match=r"`mixed\.example` is not allowed") as failure:
        http_request(context(tmp_path, server), HttpParameters(url=server.url(host="mixed.example")))
    assert "10.0.0.1" not in str(failure.value)
    assert server.connections == 0


def test_the_next_address_is_tried_when_one_does_not_answer(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, ["127.0.0.2", HOST])
    assert http_request(context(tmp_path, server), HttpParameters(url=server.url(host="two.example"))).status == 200


# --- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for named.example that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=named.example", "-addext", "subjectAltName=DNS:named.example"]
    subprocess.run([*command, "-out", certificate, "-keyout", key], check=True, capture_output=True, timeout=60)
    return certificate, key


@pytest.fixture
def tls_server(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with that certificate, which the client trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with serving(context) as running:
        running.names = names
        yield running


def test_name_and_certificate_go_by_the_host(
    tmp_path: Path, tls_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, [HOST])
    url = tls_server.url("/echo", host="named.example", scheme="https")
    answer = http_request(context(tmp_path, tls_server), HttpParameters(url=url))
    assert answer.body["host"] == f"named.example:{tls_server.port}"
    assert tls_server.names == ["named.example"]


def test_a_certificate_of_another_name_is_not_trusted(
    tmp_path: Path, tls_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, [HOST])
    with pytest.raises(Retry, match="certificate verify failed"):
        http_request(
            context(tmp_path, tls_server),
            HttpParameters(url=tls_server.url(host="other.example", scheme="https")),
        )
    assert tls_server.asked == []


def test_a_cancel_is_heard_under_tls_too(tmp_path: Path, tls_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, [HOST])
    with pytest.raises(Cancelled):
        http_request(
            context(tmp_path, tls_server, cancel_after=6),
            HttpParameters(url=tls_server.url("/silent", host="named.example", scheme="https")),
        )


# --- redirects


def test_redirects_are_followed_when_asked_to(tmp_path: Path, server: Server) -> None:
    server.answers["/a"] = (302, {"Location": "/b"}, b"")
    server.answers["/b"] = (307, {"Location": server.url("/c")}, b"")
    answer = ask(tmp_path, server, "/a", max_redirects=2, method="POST", body_text="x")
    assert (answer.url, answer.redirects) == (server.url("/c"), [server.url("/a"), server.url("/b")])
    assert [each[:2] for each in server.asked] == [("POST", "/a"), ("GET", "/b"), ("GET", "/c")]
    with pytest.raises(Fail, match="more than 1 redirects"):
        ask(tmp_path, server, "/a", max_redirects=1)
    with pytest.raises(Fail, match="answered 302"):
        ask(tmp_path, server, "/a")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://127.0.0.1:{forbidden}/", "Port"),
        ("http://10.0.0.1:{port}/", "not public"),
        ("http://169.254.169.254:{port}/latest/meta-data", "not public"),
        ("http://[::ffff:a9fe:a9fe]:{port}/", "not public"),
        ("//0x0a000001:{port}/", "not public"),
        ("file:///etc/passwd", "file is not allowed"),
        ("gopher://127.0.0.1:{port}/", "gopher is not allowed"),
    ],
)
def test_every_redirect_is_checked(tmp_path: Path, server: Server, target: str, reason: str) -> None:
    with serving() as other:
        location = target.format(port=server.port, forbidden=other.port)
        server.answers["/"] = (302, {"Location": location}, b"")
        with pytest.raises(Fail, match=reason):
            ask(tmp_path, server, max_redirects=5)
        assert other.connections == 0
    assert len(server.asked) == 1


def test_what_was_meant_for_the_first_server_goes_to_no_other(tmp_path: Path, server: Server) -> None:
    headers = {"X-Key": {"secret": "KEY"}, "Authorization": "Bearer x", "Cookie": "a=b", "X-Other": "y"}
    with serving() as other:
        server.answers["/"] = (302, {"Location": "/same"}, b"")
        server.answers["/same"] = (302, {"Location": other.url("/echo")}, b"")
        ctx = context(tmp_path, server, other, secrets=Secrets({"KEY": "s3cret"}))
        parameters = HttpParameters(url=server.url(), headers=headers, max_redirects=2)
        sent = http_request(ctx, parameters).body
    assert server.asked[1][2]["x-key"] == "s3cret"
    assert sent["x-other"] == "y"
    assert not {"x-key", "authorization", "cookie"} & sent.keys()


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
