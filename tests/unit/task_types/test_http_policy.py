"""Where requests may go, and what of them: addresses, ports, TLS, redirects."""

import socket
import ssl
import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_system import Cancelled, Fail, Retry
from task_system.task_types.http_request import HttpParameters, HttpPolicy, http_request
from task_system.task_types.http_request.addresses import is_public, unwrapped
from task_system.task_types.secret_values import Secrets
from task_system.testing import FakeContext
from tests.unit.task_types.http_server import HOST, Server, ask, context, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


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
