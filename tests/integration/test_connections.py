"""What arrives in pieces, late or not at all, on the real servers of both modes."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.service import MAX_BODY_BYTES, Service

_TIMEOUT_S = 20
_BODY = json.dumps({"task_type": "test_echo", "parameters": {"value": "v" * 100_000}}).encode()


@contextmanager
def connected(service: Service) -> Iterator[socket.socket]:
    """A connection of our own, since a client library would mend what is to be wrong."""
    address = urlsplit(service.base_url)
    assert address.hostname
    with socket.create_connection((address.hostname, address.port), _TIMEOUT_S) as connection:
        yield connection


def head(*headers: str, method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} /api/tasks HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


def answer_on(connection: socket.socket, method: str = "POST") -> tuple[int, Any]:
    response = HTTPResponse(connection, method=method)
    response.begin()
    body = response.read()
    return response.status, json.loads(body) if body else None


@pytest.mark.parametrize("cut", [1, 1000, len(_BODY) - 1])
def test_a_body_that_arrives_in_two_pieces_is_read_whole(service: Service, cut: int) -> None:
    with connected(service) as connection:
        connection.sendall(head("Content-Type: application/json", f"Content-Length: {len(_BODY)}") + _BODY[:cut])
        time.sleep(0.2)  # so that the server has begun to read it
        connection.sendall(_BODY[cut:])
        status, accepted = answer_on(connection)
    assert status == 202
    assert service.finished(accepted["task_id"])["result"] == "v" * 100_000


def test_a_body_in_chunks_is_read_whole(service: Service) -> None:
    with connected(service) as connection:
        connection.sendall(head("Content-Type: application/json", "Transfer-Encoding: chunked"))
        for start in range(0, len(_BODY), 30_000):
            piece = _BODY[start : start + 30_000]
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.sendall(b"0\r\n\r\n")
        status, _ = answer_on(connection)
    assert status == 202


def test_one_connection_takes_one_request_after_the_other(service: Service) -> None:
    body = b'{"task_type": "test_echo", "parameters": {"value": 1}}'
    request = head("Content-Type: application/json", f"Content-Length: {len(body)}") + body
    with connected(service) as connection:
        for _ in range(3):
            connection.sendall(request)
            assert answer_on(connection)[0] == 202
        connection.sendall(head("Content-Type: application/json", "Content-Length: 2") + b"{}")
        assert answer_on(connection)[0] == 422
        connection.sendall(head(method="HEAD"))
        assert answer_on(connection, "HEAD") == (200, None)
        connection.sendall(request)
        assert answer_on(connection)[0] == 202, "what came before it took just its own bytes"


def test_who_hangs_up_in_the_middle_of_a_body_submits_nothing(service: Service) -> None:
    cut = b'{"task_type": "test_echo", "parameters": {"value": 1}, "tags": ["hung-up"]}'
    with connected(service) as connection:
        connection.sendall(head("Content-Type: application/json", f"Content-Length: {len(cut) + 10}") + cut)
    assert service.get("/api/health/live").status_code == 200
    assert service.get("/api/tasks?tag=hung-up").json()["tasks"] == []


def test_many_who_do_not_go_on_hold_up_nobody_else(service: Service) -> None:
    stalled = head("Content-Type: application/json", "Content-Length: 100") + b'{"task'
    with connected(service) as one, connected(service) as two, connected(service) as three:
        for connection in (one, two, three):
            connection.sendall(stalled)
        assert service.post({"task_type": "test_echo", "parameters": {"value": 1}}).status_code == 202


@contextmanager
def kept(service: Service) -> Iterator[HTTPConnection]:
    """A connection that may not be closed."""
    connection = HTTPConnection("127.0.0.1", service.port, timeout=_TIMEOUT_S)
    connection.connect()
    connection.auto_open = 0
    with closing(connection):
        yield connection


def status_of(connection: HTTPConnection) -> int:
    """The status of the answer, which is read to its end."""
    answer = connection.getresponse()
    answer.read()
    return answer.status


def test_a_refusal_leaves_the_connection_to_the_next(service: Service) -> None:
    with kept(service) as connection:
        for body, status in ((b"{", 400), (b'{"task_type": "test_noop"}', 202)) * 3:
            connection.request("POST", "/api/tasks", body, {"Content-Type": "application/json"})
            assert status_of(connection) == status


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/api/tasks?wait=never", {}, 422),
        ("POST", "/api/tasks", {"Content-Type": "text/plain"}, 415),
        ("POST", "/api/tasks", {"Host": "other.example"}, 421),
        ("POST", "/api/tasks", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("POST", "/api/nothing", {}, 404),
        ("PUT", "/api/tasks", {}, 405),
        ("GET", "/api/health/live", {}, 200),
    ],
)
def test_what_is_answered_before_its_body_came_leaves_the_connection_to_the_next(
    service: Service, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    body = b'{"task_type": "test_noop"}'
    with kept(service) as connection:
        for _ in range(3):
            connection.putrequest(method, path, skip_host=True)
            sent = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(body))}
            for name, value in (sent | headers).items():
                connection.putheader(name, value)
            connection.endheaders()
            # On its way for a while, as over a network.
            time.sleep(0.05)
            connection.send(body)
            assert status_of(connection) == status


def test_a_body_too_large_in_chunks_leaves_the_connection_to_the_next(service: Service) -> None:
    chunk = b"x" * 65_536
    # Half over the limit: so much is still to come when the answer is known.
    chunks = [b'{"task_type": "', *[chunk] * (MAX_BODY_BYTES // len(chunk) * 2)]
    with kept(service) as connection:
        for _ in range(3):
            connection.request("POST", "/api/tasks", iter(chunks), {"Content-Type": "application/json"})
            assert status_of(connection) == 413
            connection.request("GET", "/api/health/live")
            assert status_of(connection) == 200
