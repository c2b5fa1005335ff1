"""Clients that send too much, too slowly, or nonsense."""

import socket
import time
from contextlib import ExitStack

from task_system.testing.servers.ports import HOST
from tests.chaos.harness.row import Steps, row
from tests.chaos.harness.sizes import rss_mb, web_pids
from tests.chaos.harness.system import System
from tests.integration.service import MAX_BODY_BYTES

RUDE = "Bad, endless and slow requests are answered or ended; those of others do not notice."
_PATH = "/api/tasks"


def raw(system: System, head: str, *chunks: bytes, timeout_s: float = 20) -> bytes:
    """Send bytes, and read all that comes until the other side closes."""
    with socket.create_connection((HOST, system.port), timeout=timeout_s) as sock:
        try:
            sock.sendall(head.replace("\n", "\r\n").encode())
            for chunk in chunks:
                sock.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has heard enough
        received = b""
        try:
            while data := sock.recv(65536):
                received += data
        except (ConnectionResetError, TimeoutError):
            pass
        return received


def post(length: int | str, *, more: str = "") -> str:
    return (
        f"POST {_PATH} HTTP/1.1\nHost: x\nConnection: close\nContent-Type: application/json\n"
        f"Content-Length: {length}\n{more}\n"
    )


@row(
    "F24",
    "bodies too large, cut short, without end, nested 100,000 deep, and no HTTP at all",
    promise=RUDE,
    every_change=True,
)
def test_bad_requests(system: System) -> Steps:
    before, pids = rss_mb(web_pids(system)), web_pids(system)
    big = b"[" * 100_000 + b"]" * 100_000
    said: dict[str, bytes] = {
        "too large": raw(system, post(MAX_BODY_BYTES + 1), b"x" * (MAX_BODY_BYTES + 1)),
        "128 MB": raw(system, post(128 * 2**20), *[b"x" * 2**20] * 8),
        "nested deep": raw(system, post(len(big)), big),
        "no length": raw(system, post("x"), b"{}"),
        "a negative length": raw(system, post(-1), b"{}"),
        "two lengths": raw(system, post(2, more="Content-Length: 3\n"), b"{}{"),
        "chunked and with a length": raw(system, post(2, more="Transfer-Encoding: chunked\n"), b"2\r\n{}\r\n0\r\n\r\n"),
        "no HTTP": raw(system, "\x16\x03\x01\x02\n\n"),
        "a header of 1 MB": raw(system, post(2, more="X: " + "x" * 2**20 + "\n"), b"{}"),
        "a path of 1 MB": raw(system, f"GET /{'x' * 2**20} HTTP/1.1\nHost: x\nConnection: close\n\n"),
    }
    statuses = {name: answer.split(b" ", 2)[1:2] for name, answer in said.items()}
    yield
    yield
    assert statuses["too large"] == statuses["128 MB"] == [b"413"], statuses
    assert all(not status or status[0].startswith(b"4") for status in statuses.values()), statuses
    assert web_pids(system) == pids, "a process died of it"
    assert rss_mb(pids) < before + 64


@row("F24", "400 clients that send a byte a second, and 100 that say nothing", promise=RUDE, during_s=8)
def test_slow_clients(system: System) -> Steps:
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection((HOST, system.port), timeout=5)) for _ in range(500)]
        head = post(1000).replace("\n", "\r\n").encode()
        until = time.monotonic() + 6
        at = 0
        while time.monotonic() < until:
            for sock in slow[:400]:
                try:
                    sock.sendall(head[at : at + 1])
                except OSError:
                    continue
            at += 1
            time.sleep(1)
        yield
