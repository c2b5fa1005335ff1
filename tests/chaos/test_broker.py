"""RabbitMQ goes away, hangs, refuses, forgets, or says things twice: messages are only wake-up calls."""

import shutil
import signal
import time

import pytest

from tests.chaos.harness.row import Steps, row
from tests.chaos.harness.system import System
from tests.chaos.harness.toxics import Drop, DuplicateMessage, Timeout
from tests.integration.service import wait_until

OUTAGE = "While RabbitMQ is away submissions are accepted as fast as ever, and run once when it is back."
FORGETS = "RabbitMQ may lose everything it has: it is dispatched anew."
TWICE = "A message may come twice, or its confirm never: the task runs once."
LANE = [f"default.{priority}" for priority in ("high", "normal", "low")]


def purged_or_deleted(system: System, how: str) -> None:
    for queue in LANE:
        system.servers.rabbitmq.ctl(how, "--vhost", "task_system", queue)


@row("F8", "RabbitMQ is stopped, and started again", promise=OUTAGE, tells="broker", every_change=True, broker=True)
def test_rabbitmq_restarts(system: System) -> Steps:
    system.servers.rabbitmq.stop()
    yield
    system.servers.rabbitmq.start()


@row("F8", "kill -9 of RabbitMQ", promise=OUTAGE, tells="broker", broker=True)
def test_rabbitmq_dies(system: System) -> Steps:
    system.servers.rabbitmq.wait_until_queues_are_on_disk()
    system.servers.rabbitmq.kill()
    yield
    system.servers.rabbitmq.start()


@row("F8", "RabbitMQ hangs (SIGSTOP) for 20 s", promise=OUTAGE, tells="broker", during_s=20, broker=True)
def test_rabbitmq_hangs(system: System) -> Steps:
    system.servers.rabbitmq.send_signal(signal.SIGSTOP)
    yield
    system.servers.rabbitmq.send_signal(signal.SIGCONT)


@row(
    "F8",
    "RabbitMQ is away while tasks end that were running before",
    promise="What runs ends, and its end is recorded, whether RabbitMQ is there or not.",
    tells="broker",
    during_s=10,
    broker=True,
)
def test_what_runs_ends_without_rabbitmq(system: System, tmp_path_factory: pytest.TempPathFactory) -> Steps:
    gate = tmp_path_factory.mktemp("gate") / "gate"
    running = system.submit("test_slow_gate", {"gate": str(gate)})["task_id"]
    system.wait_for(running, lambda task: task["state"] == "STARTED", "it runs")
    system.servers.rabbitmq.stop()
    yield
    gate.touch()
    try:
        task = system.finished(running, timeout_s=15)
    finally:
        system.servers.rabbitmq.start()
    assert (task["state"], task["attempt"]) == ("SUCCESS", 1)


@row("F8", "RabbitMQ closes every connection", promise=OUTAGE, every_change=True, broker=True)
def test_rabbitmq_closes_every_connection(system: System) -> Steps:
    system.servers.rabbitmq.ctl("close_all_connections", "for a test")
    yield


@row("F8", "RabbitMQ restarts five times in a row", promise=OUTAGE, during_s=0, broker=True)
def test_rabbitmq_restarts_again_and_again(system: System) -> Steps:
    for _ in range(5):
        system.servers.rabbitmq.ctl("stop_app")
        system.servers.rabbitmq.ctl("start_app")
    yield


@pytest.mark.parametrize("alarm", ["memory", "disk"])
@row("F9", "RabbitMQ raises its {alarm} alarm and blocks who publishes", promise=OUTAGE, tells="broker", broker=True)
def test_rabbitmq_raises_an_alarm(system: System, alarm: str) -> Steps:
    rabbitmq = system.servers.rabbitmq
    if alarm == "memory":
        rabbitmq.ctl("set_vm_memory_high_watermark", "absolute", "1")
    else:
        rabbitmq.ctl("set_disk_free_limit", "1000000GB")
    try:
        wait_until(lambda: alarm in rabbitmq.ctl("eval", "rabbit_alarm:get_alarms()."), 20, "the alarm")
        yield
    finally:
        rabbitmq.ctl("set_vm_memory_high_watermark", "0.6")
        rabbitmq.ctl("set_disk_free_limit", "50MB")


@pytest.mark.parametrize("how", ["purge_queue", "delete_queue"])
@row("F10", "{how} of queues that hold messages", promise=FORGETS, broker=True)
def test_queues_are_purged_or_deleted(system: System, how: str) -> Steps:
    with system.held("worker"):
        system.processes["worker"].send_signal(signal.SIGTERM)
        assert system.processes["worker"].wait(20)
        time.sleep(1)
        purged_or_deleted(system, how)
    yield


@row("F10", "delete_queue of queues that workers consume", promise=FORGETS, broker=True)
def test_consumed_queues_are_deleted(system: System) -> Steps:
    purged_or_deleted(system, "delete_queue")
    yield


@row("F11", "RabbitMQ comes back with an empty disk", promise=FORGETS, tells="broker", every_change=True, broker=True)
def test_rabbitmq_is_wiped(system: System) -> Steps:
    system.servers.rabbitmq.kill()
    shutil.rmtree(system.servers.rabbitmq.folder / "data")
    yield
    system.servers.rabbitmq.start()


@pytest.mark.parametrize("role", ["web", "worker", "keeper"])
@row(
    "F12",
    "a half-open connection between the {role} and RabbitMQ: nothing passes for 10 s, and nobody is told",
    promise=OUTAGE,
    during_s=10,
)
def test_a_half_open_connection_to_rabbitmq(system: System, role: str) -> Steps:
    with system.toxic("rabbitmq", Timeout(), [role]):
        yield


@row("F20", "200 confirms are swallowed", promise=TWICE, every_change=True)
def test_confirms_are_swallowed(system: System) -> Steps:
    toxic = Drop("method 60.80", times=200)
    with system.toxic("rabbitmq", toxic, ["web"]):
        wait_until(lambda: toxic.left < 200, 20, "a confirm was swallowed")
        yield


@row("F20", "the worker connects anew, and 2 times RabbitMQ does not answer that it may consume", promise=OUTAGE)
def test_who_consumes_is_not_answered(system: System) -> Steps:
    toxic = Drop("method 60.21", times=2)
    with system.toxic("rabbitmq", toxic, ["worker"]):
        for proxy in system.between("rabbitmq", ["worker"]):
            proxy.cut()
        wait_until(lambda: toxic.left < 1, 20, "it tried again")
        yield


@row("F22", "200 messages are published twice", promise=TWICE, every_change=True)
def test_messages_are_published_twice(system: System) -> Steps:
    toxic = DuplicateMessage("60.40", times=200)
    with system.toxic("rabbitmq", toxic, ["web"]):
        wait_until(lambda: toxic.left < 100, 20, "messages were published twice")
        yield


@row("F22", "200 messages are delivered twice", promise=TWICE)
def test_messages_are_delivered_twice(system: System) -> Steps:
    toxic = DuplicateMessage("60.60", times=200)
    with system.toxic("rabbitmq", toxic, ["worker"]):
        wait_until(lambda: toxic.left < 100, 20, "messages were delivered twice")
        yield
