"""Clients that send too much, too slowly, or nonsense; and more of them than can be served."""

import os
import socket
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from task_system.testing.servers.ports import HOST
from tests.chaos.harness.load import Load
from tests.chaos.harness.oracle import Oracle, Verdict
from tests.chaos.harness.report import Outcome, record
from tests.chaos.harness.row import Row, Steps, converged, row
from tests.chaos.harness.system import System
from tests.integration.service import MAX_BODY_BYTES, children
from tests.integration.witness import Witness

RUDE = "Bad, endless and slow requests are answered or ended; those of others do not notice."
OVERLOAD = "More than can be served is told so: 503 with Retry-After; what is accepted is answered in time."
_PATH = "/api/tasks"
#: What the judge found; and megabytes and descriptors, again and again.
Figures = tuple[Verdict, list[tuple[float, int]]]


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


def web_pids(system: System) -> list[int]:
    pid = system.processes["web"].pid
    assert pid
    return [pid, *children(pid)]


def rss_mb(pids: list[int]) -> float:
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def descriptors(pids: list[int]) -> int:
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)


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
        "announced too large": raw(system, post(MAX_BODY_BYTES + 1), b"{}"),
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
    assert statuses["announced too large"] == statuses["128 MB"] == [b"413"], statuses
    assert all(not status or status[0].startswith(b"4") for status in statuses.values()), statuses
    assert web_pids(system) == pids, "a process died of it"
    assert rss_mb(pids) < before + 64


@row("F24", "200 clients that send a byte a second, and 50 that never read", promise=RUDE, during_s=8)
def test_slow_clients(system: System) -> Steps:
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection((HOST, system.port), timeout=5)) for _ in range(250)]
        head = post(1000).replace("\n", "\r\n").encode()
        until = time.monotonic() + 6
        at = 0
        while time.monotonic() < until:
            for sock in slow[:200]:
                try:
                    sock.sendall(head[at : at + 1])
                except OSError:
                    continue
            at += 1
            time.sleep(1)
        yield


@pytest.mark.chaos_row
def test_overload(system: System, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """64 clients without a pause, then 128: bounded waiting, memory and descriptors."""
    seconds = float(os.environ.get("CHAOS_OVERLOAD_S", "20"))
    known = Row(number="F24", fault="64 clients that never pause, then 128", promise=OVERLOAD)
    outcome = Outcome.of(known, request.node.nodeid, {})
    try:
        system.repair()
        figures = [_overloaded(system, tmp_path / str(clients), clients, seconds) for clients in (64, 128)]
        _steady(figures)
        outcome.found(figures[-1][0])
    except BaseException as error:
        outcome.failed(error)
        raise
    finally:
        record(outcome)


def _overloaded(system: System, folder: Path, clients: int, seconds: float) -> Figures:
    folder.mkdir()
    load = Load(system, folder, per_s=10_000, clients=clients, work_s=0.0, front=False)
    oracle = Oracle(system, Witness(load.witness_path))
    pids = web_pids(system)
    load.start()
    sizes = []
    for _ in range(10):
        time.sleep(seconds / 10)
        sizes.append((rss_mb(pids), descriptors(pids)))
    load.stop()
    verdict = converged(system, oracle, load.promises, time.monotonic(), within_s=300)
    print(clients, verdict, sizes)
    assert not verdict.broken(), verdict.broken()
    assert not load.promises.problems, load.promises.problems[:3]
    return verdict, sizes


def _steady(figures: list[Figures]) -> None:
    """Past the warm-up nothing grows."""
    (_, first), (verdict, second) = figures
    assert max(size for size, _ in second) < max(size for size, _ in first) * 1.15 + 16
    assert max(count for _, count in second) < max(count for _, count in first) + 160
    if os.getloadavg()[0] < 4 * (os.cpu_count() or 1):
        assert verdict.p99_ms < 2000
    assert verdict.slowest_s < 10
