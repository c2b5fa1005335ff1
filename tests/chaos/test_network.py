"""A network that is slow, narrow or cuts: everything takes longer, and nothing is lost."""

import time

import pytest

from tests.chaos.harness.row import Steps, row
from tests.chaos.harness.system import SPOKEN, System
from tests.chaos.harness.toxics import Bandwidth, Latency, LimitData, Slicer, SlowClose

SLOW = "A bad network costs time and no task."
SERVER = pytest.mark.parametrize("server", SPOKEN)


@SERVER
@row("F19", "50 to 100 ms each way to {server}", promise=SLOW, refuses=True, p99_ms=None, during_s=4, per_s=30)
def test_latency(system: System, server: str) -> Steps:
    with system.toxic(server, Latency(0.05, 0.05)):
        yield


@SERVER
@row("F19", "1 Mbit/s to {server}", promise=SLOW, refuses=True, p99_ms=None, during_s=4, per_s=30)
def test_bandwidth(system: System, server: str) -> Steps:
    with system.toxic(server, Bandwidth(125_000)):
        yield


@SERVER
@row("F19", "every byte to and from {server} is a packet of its own", promise=SLOW, refuses=True, p99_ms=None, per_s=10)
def test_slices(system: System, server: str) -> Steps:
    with system.toxic(server, Slicer(1)):
        yield


@SERVER
@row(
    "F19", "connections to {server} close 2 s late, and are all reset", promise=SLOW, refuses=True, loses_attempts=True
)
def test_slow_close(system: System, server: str) -> Steps:
    with system.toxic(server, SlowClose(2.0)):
        for proxy in system.between(server):
            proxy.cut()
        yield


@pytest.mark.parametrize(
    ("server", "direction"), [("postgresql", "up"), ("postgresql", "down"), ("rabbitmq", "up"), ("rabbitmq", "down")]
)
@row(
    "F19",
    "connections to {server} are cut in the middle of frames going {direction}, at 40 places",
    promise=SLOW,
    refuses=True,
    loses_attempts=True,
    p99_ms=None,
    hangs_s=12.0,
)
def test_cut_at_many_bytes(system: System, server: str, direction: str) -> Steps:
    for step in range(40):
        toxic = LimitData(97 * step + 1, direction)
        with system.toxic(server, toxic, ["web"]):
            until = time.monotonic() + 2
            while toxic.left and time.monotonic() < until:
                time.sleep(0.01)
    yield


@row("F19", "the worker's connections to rabbitmq are reset ten times while it claims", promise=SLOW, during_s=0)
def test_the_worker_is_cut_off_again_and_again(system: System) -> Steps:
    for _ in range(10):
        for proxy in system.between("rabbitmq", ["worker"]):
            proxy.cut()
        time.sleep(1)
    yield
