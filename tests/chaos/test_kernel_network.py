"""A narrow line and lost packets, made by the kernel: TCP itself has to cope, and does."""

from typing import Any

import pytest

from tests.chaos.harness.kernel import lossy, narrow, own_network
from tests.chaos.harness.row import Steps, row
from tests.chaos.harness.system import SPOKEN, System

#: What is asked of the service while the kernel is in the way.
BAD: dict[str, Any] = {
    "promise": "A bad network costs time and no task.",
    "refuses": True,
    "loses_attempts": True,
    "p99_ms": None,
    "during_s": 10,
    "per_s": 30,
    "hangs_s": 12.0,
}
pytestmark = pytest.mark.own_network


@pytest.fixture(autouse=True)
def _own_network() -> None:
    if reason := own_network():
        pytest.skip(reason)


def ports(system: System) -> list[int]:
    return [getattr(system.servers, name).port for name in SPOKEN]


@row(
    "F19",
    "1 Mbit/s for all servers together (`tc tbf`), and what is too much is dropped",
    **BAD,
)
def test_a_narrow_line(system: System) -> Steps:
    with narrow(ports(system), "1mbit"):
        yield


@row(
    "F19",
    "2 % of all packets to and from all servers are lost (iptables)",
    **BAD,
)
def test_lost_packets(system: System) -> Steps:
    with lossy(ports(system), 0.02):
        yield
