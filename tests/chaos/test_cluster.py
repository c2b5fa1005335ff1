"""Three nodes of RabbitMQ: one dies, or is cut off from the others."""

import time
from collections.abc import Iterator

import pytest

from tests.chaos.harness.cluster import ClusterServers, why_not
from tests.chaos.harness.row import Steps, row
from tests.chaos.harness.system import System, running_system

MAJORITY = "With a majority of RabbitMQ's nodes nothing waits; without it nothing is lost."
pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The service on a cluster; it takes the place of the one on a single node."""
    if reason := why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("cluster")
    with running_system(folder, ClusterServers(folder / "servers")) as running:
        yield running


@pytest.fixture(autouse=True)
def _whole(system: System) -> Iterator[None]:
    """Each row begins and leaves with three nodes, and a service that speaks to the first."""
    yield
    servers_of(system).repair()
    lead_to(system, 0)


def servers_of(system: System) -> ClusterServers:
    assert isinstance(system.servers, ClusterServers)
    return system.servers


def lead_to(system: System, number: int) -> None:
    """The service's connections go to that node, as a load balancer would lead them."""
    node = servers_of(system).nodes[number]
    for proxy in system.between("rabbitmq"):
        proxy.lead_to(node.port, node.address)


@row("F13", "kill -9 of the node that leads every queue, and that the service speaks to", promise=MAJORITY, during_s=5)
def test_the_leader_dies(system: System) -> Steps:
    servers_of(system).nodes[0].kill()
    lead_to(system, 1)
    yield
    servers_of(system).nodes[0].start()


@row("F13", "kill -9 of the node that leads every queue, which does not come back", promise=MAJORITY, during_s=5)
def test_the_leader_stays_dead(system: System) -> Steps:
    servers_of(system).nodes[0].kill()
    lead_to(system, 1)
    yield
    # Everything ends without it.
    yield
    assert not servers_of(system).nodes[0].running


@row("F13", "kill -9 of a node that follows", promise=MAJORITY, during_s=5)
def test_a_follower_dies(system: System) -> Steps:
    servers_of(system).nodes[2].kill()
    yield
    servers_of(system).nodes[2].start()


@row("F13", "kill -9 of two of three nodes", promise=MAJORITY, tells="broker", during_s=5, converges_s=90)
def test_the_majority_dies(system: System) -> Steps:
    for node in servers_of(system).nodes[1:]:
        node.kill()
    yield
    servers_of(system).repair()


@row(
    "F13",
    "two of three nodes are dead and the worker has to connect anew, while tasks end that were running before",
    promise="What runs ends, and its end is recorded, whether RabbitMQ is there or not.",
    tells="broker",
    converges_s=90,
)
def test_what_runs_ends_without_a_majority(system: System, tmp_path_factory: pytest.TempPathFactory) -> Steps:
    gate = tmp_path_factory.mktemp("gate") / "gate"
    running = system.submit("test_slow_gate", {"gate": str(gate)})["task_id"]
    system.wait_for(running, lambda task: task["state"] == "STARTED", "it runs")
    for node in servers_of(system).nodes[1:]:
        node.kill()
    for proxy in system.between("rabbitmq", ["worker"]):
        proxy.cut()
    yield
    gate.touch()
    try:
        task = system.finished(running, timeout_s=15)
    finally:
        servers_of(system).repair()
    assert (task["state"], task["attempt"]) == ("SUCCESS", 1)


@pytest.mark.parametrize("number", [1, 3])
@row(
    "F13",
    "node {number} is cut off from the others for 20 s; the service speaks to node 1",
    promise=MAJORITY,
    during_s=20,
)
def test_a_partition(system: System, number: int) -> Steps:
    with servers_of(system).partition(servers_of(system).nodes[number - 1]):
        yield


@row("F13", "node 1 is cut off for 10 s, and its queues' leaders chosen anew, twice", promise=MAJORITY)
def test_partitions_come_and_go(system: System) -> Steps:
    for number in (0, 1):
        with servers_of(system).partition(servers_of(system).nodes[number]):
            lead_to(system, 2)
            time.sleep(10)
    yield
