"""Faults for the soak: each does its harm for some seconds; `System.repair` takes away what is left of it."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack

from task_system.failpoints import POINTS
from tests.chaos.harness.proxy import FaultProxy
from tests.chaos.harness.system import ROLES, SPOKEN, System
from tests.chaos.harness.toxics import (
    Bandwidth,
    Drop,
    DuplicateMessage,
    Latency,
    LimitData,
    Slicer,
    SwallowReply,
    Timeout,
    Toxic,
)
from tests.integration.service import LEASE_S, children

Fault = Callable[[System, random.Random, float], None]
#: Points that a process passes under load, without more ado.
_PASSED = sorted(name for name in POINTS if not name.startswith("keeper.") or name == "keeper.relay.taken")


def a_failpoint(system: System, chance: random.Random, seconds: float) -> None:
    """Somebody dies at a step."""
    point = chance.choice(_PASSED)
    system.arm(point, chance.choice(["kill", "kill @3", "exit 1", "raise", f"sleep {seconds}"]))
    time.sleep(seconds)


def a_process_dies(system: System, chance: random.Random, seconds: float) -> None:
    """kill -9."""
    system.processes[chance.choice(sorted(system.processes))].kill()
    time.sleep(seconds)


def a_pool_process_dies(system: System, chance: random.Random, seconds: float) -> None:
    """kill -9 of one."""
    pid = system.processes["worker"].pid
    pool = children(pid) if pid else []
    if pool:
        os.kill(chance.choice(pool), signal.SIGKILL)
    time.sleep(seconds)


def a_process_is_replaced(system: System, chance: random.Random, seconds: float) -> None:
    """SIGTERM."""
    process = system.processes[chance.choice(sorted(system.processes))]
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    time.sleep(seconds)


def the_worker_hangs(system: System, _chance: random.Random, _seconds: float) -> None:
    """Longer than its leases."""
    pid = system.processes["worker"].pid
    stopped = [pid, *children(pid)] if pid else []
    for one in stopped:
        os.kill(one, signal.SIGSTOP)
    time.sleep(1.5 * LEASE_S)
    for one in stopped:
        os.kill(one, signal.SIGCONT)


def a_server_dies(system: System, chance: random.Random, seconds: float) -> None:
    """kill -9, or as by a power cut."""
    name = chance.choice(sorted(SPOKEN))
    if name == "postgresql":
        system.servers.postgresql.stop_immediately()
    elif name == "redis":
        system.servers.redis.kill()
    else:
        system.servers.rabbitmq.wait_until_queues_are_on_disk()
        system.servers.rabbitmq.kill()
    time.sleep(seconds)


def a_server_hangs(system: System, chance: random.Random, seconds: float) -> None:
    """SIGSTOP."""
    server = {"redis": system.servers.redis, "rabbitmq": system.servers.rabbitmq}[chance.choice(["redis", "rabbitmq"])]
    server.send_signal(signal.SIGSTOP)
    time.sleep(seconds)


def rabbitmq_is_wiped(system: System, _chance: random.Random, seconds: float) -> None:
    """It comes back empty."""
    system.servers.rabbitmq.kill()
    shutil.rmtree(system.servers.rabbitmq.folder / "data")
    time.sleep(seconds)


def queues_are_purged(system: System, chance: random.Random, seconds: float) -> None:
    """Or deleted."""
    how = chance.choice(["purge_queue", "delete_queue"])
    for priority in ("high", "normal", "low"):
        system.servers.rabbitmq.ctl(how, "--vhost", "task_system", f"default.{priority}")
    time.sleep(seconds)


def rabbitmq_blocks(system: System, _chance: random.Random, seconds: float) -> None:
    """A memory alarm."""
    system.servers.rabbitmq.ctl("set_vm_memory_high_watermark", "absolute", "1")
    try:
        time.sleep(seconds)
    finally:
        system.servers.rabbitmq.ctl("set_vm_memory_high_watermark", "0.6")


def a_server_is_cut_off(system: System, chance: random.Random, seconds: float) -> None:
    """Refused, or in silence."""
    proxies = system.between(chance.choice(sorted(SPOKEN)), chance.sample(ROLES, chance.randint(1, len(ROLES))))
    if chance.random() < 0.5:
        for proxy in proxies:
            proxy.down()
        time.sleep(seconds)
        return
    _through(Timeout, proxies, seconds)


def a_bad_network(system: System, chance: random.Random, seconds: float) -> None:
    """Slow, narrow, sliced, or cut in the middle of a frame."""
    toxics: list[Callable[[], Toxic]] = [
        lambda: Latency(0.05, 0.05, seed=chance.randrange(2**32)),
        lambda: Bandwidth(250_000),
        lambda: Slicer(7),
        lambda: LimitData(chance.randrange(1, 5000)),
    ]
    server, make = chance.choice(sorted(SPOKEN)), chance.choice(toxics)
    _through(make, system.between(server), seconds)


def answers_are_lost(system: System, chance: random.Random, seconds: float) -> None:
    """Statements are done and not answered; confirms are swallowed; messages come twice."""
    toxics: list[tuple[str, Callable[[], Toxic]]] = [
        ("postgresql", lambda: SwallowReply(lambda frame: frame.kind in "BQ", until="Z", times=20)),
        ("rabbitmq", lambda: Drop("method 60.80", times=100)),
        ("rabbitmq", lambda: DuplicateMessage(chance.choice(["60.40", "60.60"]), times=100)),
    ]
    server, make = chance.choice(toxics)
    _through(make, system.between(server), seconds)


def _through(make: Callable[[], Toxic], proxies: list[FaultProxy], seconds: float) -> None:
    with ExitStack() as stack:
        for proxy in proxies:
            stack.enter_context(proxy.toxic(make()))
        time.sleep(seconds)


FAULTS: dict[str, Fault] = {
    fault.__name__.replace("_", " "): fault
    for fault in (
        a_failpoint,
        a_process_dies,
        a_pool_process_dies,
        a_process_is_replaced,
        the_worker_hangs,
        a_server_dies,
        a_server_hangs,
        rabbitmq_is_wiped,
        queues_are_purged,
        rabbitmq_blocks,
        a_server_is_cut_off,
        a_bad_network,
        answers_are_lost,
    )
}
