"""Every process is replaced under load, by itself and by newer code, behind a balancer that drains before it stops."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests

from task_system.store import Database
from task_system.store.migrate import downgrade
from task_system.testing.servers import Process
from task_system.testing.servers.ports import HOST, free_port
from tests.chaos.harness.older import code_before, revision_before
from tests.chaos.harness.row import Steps, row
from tests.chaos.harness.system import LANES, System
from tests.integration.service import ROOT, wait_until

ROLLING = "Every process can be replaced under load: no request fails behind a drain, and nothing runs twice."
MIGRATING = "A migration runs under load, and old code works on beside the new until it is drained: no request fails."
COMMANDS = {"web": ("web",), "worker": ("worker", *LANES), "keeper": ("keeper",)}


class Webs:
    """The web processes behind the front: `ports` says where each listens."""

    def __init__(self, system: System) -> None:
        self._system = system
        self.ports = {"web": system.port}

    def add(self, name: str) -> None:
        """Start one more, and send it its share."""
        self.ports[name] = free_port()
        process = self._system.process(name, "task_system", "web", ROLE="web", PORT=str(self.ports[name]))
        process.start()
        self._system.processes[name] = process
        self.put_back(name)

    def drain(self, name: str) -> None:
        """Send it nothing more, and return when it has answered all that it was sent."""
        port = self.ports[name]
        self._system.front.spread(*(other for other in self.ports.values() if other != port))
        wait_until(lambda: not self._system.front.connections_to(port), 30, f"{name} drained")

    def put_back(self, name: str) -> None:
        """Send it its share once it answers."""
        wait_until(lambda: self._answers(name), 30, f"{name} answers")
        self._system.front.spread(*self.ports.values())

    def remove(self, name: str) -> None:
        """Drain it, and stop it for good."""
        self.drain(name)
        del self.ports[name]
        with self._system.held(name):
            stop(self._system.processes.pop(name))

    def _answers(self, name: str) -> bool:
        try:
            return requests.get(f"http://{HOST}:{self.ports[name]}/api/health/live", timeout=10).ok
        except requests.RequestException:
            return False


@contextmanager
def balanced(system: System) -> Iterator[Webs]:
    """While inside, the front is a balancer; at the end it leads to the one web process that is left."""
    webs = Webs(system)
    try:
        yield webs
    finally:
        for name in set(webs.ports) - {"web"}:
            with system.held(name):
                system.processes.pop(name).stop(20)
        system.front.spread(system.port)


def stop(process: Process) -> None:
    """SIGTERM; it ends by itself, and well."""
    process.stop(30, signal.SIGTERM)
    assert process.exit_status == 0, process.tail()


def restart(system: System, name: str) -> None:
    """Stop one; its supervisor starts it again."""
    process = system.processes[name]
    with system.held(name):
        stop(process)
    wait_until(lambda: process.running, 10, f"{name} is started again")


@row(
    "F27",
    "two web processes behind a balancer that drains them, a worker and a keeper are all replaced (SIGTERM), ten times",
    promise=ROLLING,
    keep_alive=False,
    during_s=0,
    per_s=30,
)
def test_rolling_restarts(system: System) -> Steps:
    def restart_webs() -> None:
        for name in webs.ports:
            webs.drain(name)
            restart(system, name)
            webs.put_back(name)

    with balanced(system) as webs, ThreadPoolExecutor() as pool:
        webs.add("web2")
        for _ in range(10):
            turns = [pool.submit(restart, system, name) for name in ("worker", "keeper")]
            turns.append(pool.submit(restart_webs))
            for turn in turns:
                turn.result()
            # Who stops in order signs off: it is missed until the next has begun.
            system.wait_until_ready()
        yield
        webs.remove("web2")


@pytest.fixture
def _older(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The service is what it was before the newest migration: its code, on its schema."""
    older = code_before(tmp_path_factory.mktemp("older"))
    with all_replaced(system):
        database = Database(system.servers.postgresql.url)
        downgrade(database, revision_before())
        database.close()
        system.code = older
    system.code = ROOT
    try:
        # Today's would not be ready on this schema.
        system.wait_until_ready()
        yield
    finally:
        with all_replaced(system):
            system.migrate()
        system.wait_until_ready()


@contextmanager
def all_replaced(system: System) -> Iterator[None]:
    """Inside nothing runs; then all starts from where the code is now."""
    with system.held(*COMMANDS):
        for name in COMMANDS:
            system.processes[name].stop(20)
        yield
        for name, command in COMMANDS.items():
            system.processes[name] = system.process(name, "task_system", *command)
            system.processes[name].start()


@pytest.mark.usefixtures("_older")
@row(
    "F27",
    "the newest migration, under load of the code before it, which then works beside today's and is drained",
    promise=MIGRATING,
    keep_alive=False,
    during_s=0,
    per_s=30,
)
def test_migrating(system: System) -> Steps:
    """The older code is the repository's own, of the commit before the one that brought the newest migration."""
    with balanced(system) as webs:
        system.migrate()
        time.sleep(1)
        webs.add("web2")
        beside = [
            system.process(f"{name}2", "task_system", *COMMANDS[name], ROLE=name) for name in ("worker", "keeper")
        ]
        for process in beside:
            process.start()
        time.sleep(5)
        webs.drain("web")
        for name in COMMANDS:
            stop_and_replace(system, name)
        webs.put_back("web")
        yield
        for process in beside:
            stop(process)
        webs.remove("web2")


def stop_and_replace(system: System, name: str) -> None:
    """By a process of today's code."""
    with system.held(name):
        stop(system.processes[name])
        system.processes[name] = system.process(name, "task_system", *COMMANDS[name])
        system.processes[name].start()
