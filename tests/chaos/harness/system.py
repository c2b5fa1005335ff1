"""The service under test: servers, web, worker and keeper, each seeing each server through a proxy of its own."""

import shutil
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import requests

from task_system.failpoints import POINTS
from task_system.testing.servers import PrivateServers, Process, ServerFailed
from task_system.testing.servers.ports import HOST
from task_system.testing.servers.rabbitmq import RabbitMQ
from task_system.testing.servers.server import Server
from tests.chaos.harness.framing import Amqp, PostgreSql, Raw
from tests.chaos.harness.proxy import FaultProxy, ProxyLoop
from tests.chaos.harness.toxics import Toxic
from tests.integration.service import Json, Stack, wait_until

ROLES = ("web", "worker", "keeper")
LANES = ("default", "data_processing", "email_sending", "file_processing", "image_processing")
#: Server: how it is spoken to, and the setting that says where it is.
SPOKEN = {
    "rabbitmq": (Amqp, "BROKER_URL"),
    "postgresql": (PostgreSql, "DATABASE_URL"),
    "redis": (Raw, "REDIS_URL"),
}
_SUPERVISE_S = 0.1
_STOP_S = 20.0


class System(Stack):
    """A stack whose every client is behind a proxy, whose failpoints can be armed, and whose processes come back."""

    def __init__(self, folder: Path, servers: PrivateServers, **settings: str) -> None:
        self._settings = settings
        self._armed = folder / "failpoints"
        self._loop = ProxyLoop()
        self.proxies = {
            (role, name): FaultProxy(self._loop, _port(servers, name), framing, upstream=_address(servers, name))
            for role in ROLES
            for name, (framing, _) in SPOKEN.items()
        }
        super().__init__(folder, servers)
        self._armed.mkdir()
        self.processes = {
            "web": self.process("web", "task_system", "web"),
            "worker": self.process("worker", "task_system", "worker", *LANES),
            "keeper": self.process("keeper", "task_system", "keeper"),
        }
        #: Its clients come through here.
        self.front = FaultProxy(self._loop, self.port)
        #: Errors that nobody expects, raised in the web process by failpoints: each may be one caller's 500.
        self.raised_in_web = 0
        self._held: set[str] = set()
        self._supervising = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def process(self, name: str, *arguments: str, **environment: str) -> Process:
        role = name if name in ROLES else environment.pop("ROLE", "")
        urls = self._through_proxies(role) if role else {}
        return super().process(name, *arguments, **(urls | environment))

    def environment(self) -> dict[str, str]:
        return super().environment() | {"FAILPOINTS": str(self._armed)} | self._settings

    def _through_proxies(self, role: str) -> dict[str, str]:
        return {
            setting: self.servers.environment[setting].replace(
                f"{_address(self.servers, name)}:{_port(self.servers, name)}/",
                f"{HOST}:{self.proxies[role, name].port}/",
            )
            for name, (_, setting) in SPOKEN.items()
        }

    # Faults.

    def arm(self, point: str, what: str) -> None:
        """Let this happen to the next process that comes by this failpoint."""
        assert point in POINTS
        unfinished = self._armed / f".{point}"
        unfinished.write_text(what)
        unfinished.replace(self._armed / point)

    def reached(self, point: str) -> bool:
        """Whether somebody came by since it was armed."""
        return (self._armed / f"{point}.hit").exists()

    def wait_until_reached(self, point: str, timeout_s: float = 30) -> None:
        """Return once somebody came by."""
        wait_until(lambda: self.reached(point), timeout_s, f"{point} reached")

    def die_at(self, point: str, timeout_s: float = 30) -> None:
        """The next process that comes by this failpoint dies there; return once it has."""
        self.arm(point, "kill")
        self.wait_until_reached(point, timeout_s)

    def disarm(self) -> None:
        """Arm nothing, and forget what was reached."""
        for path in self._armed.iterdir():
            self.raised_in_web += path.match("web.*.hit") and path.read_text() == "raise"
            path.unlink()

    def between(self, server: str, roles: Iterable[str] = ROLES) -> list[FaultProxy]:
        """The proxies between these processes and a server."""
        return [self.proxies[role, server] for role in roles]

    @contextmanager
    def toxic(self, server: str, toxic: Toxic, roles: Iterable[str] = ROLES) -> Iterator[None]:
        """While inside, all that these processes and a server say to each other passes through this."""
        with ExitStack() as stack:
            for proxy in self.between(server, roles):
                stack.enter_context(proxy.toxic(toxic))
            yield

    def execute(self, statement: str) -> None:
        """Change the database behind the service's back."""
        with psycopg.connect(self.servers.postgresql.url) as connection:
            connection.execute(statement.encode())

    # Its processes: what dies is started again, as every supervisor does.

    def start(self) -> None:
        super().start()
        if not self._supervisor.is_alive() and not self._supervising.is_set():
            self._supervisor.start()

    def _supervise(self) -> None:
        while not self._supervising.wait(_SUPERVISE_S):
            for name, process in list(self.processes.items()):
                if name not in self._held and not process.running:
                    process.start()

    @contextmanager
    def held(self, *names: str) -> Iterator[None]:
        """While inside, these processes are not started again when they end."""
        self._held |= set(names)
        try:
            yield
        finally:
            self._held -= set(names)

    def replace(self, name: str, process: Process) -> None:
        """Stop a process in order and start another in its place."""
        with self.held(name):
            old = self.processes[name]
            old.send_signal(signal.SIGTERM)
            old.stop(_STOP_S)
            self.processes[name] = process
            process.start()

    def check(self) -> None:
        """Processes may die here; whether they come back is what `wait_until_ready` says."""

    def not_ready(self, timeout_s: float = 10) -> Json:
        """The checks that fail, by name; `web` where nobody answers."""
        try:
            answer = requests.get(f"{self.base_url}/api/health/ready", timeout=timeout_s)
        except requests.RequestException as error:
            return {"web": repr(error)}
        checks = answer.json().get("checks", {})
        return {name: said for name, said in checks.items() if said["status"] != "ok"}

    def forget(self) -> None:
        """Let nothing wait that an earlier row left: it would be done before what the next one submits."""
        self.execute("DELETE FROM tasks WHERE task_type = 'test_witnessed' AND state IN ('PENDING', 'RETRY')")

    def repair(self) -> None:
        """Take all faults away, bring back whatever is broken, and wait for what still runs."""
        self.disarm()
        self._held.clear()
        for proxy in (*self.proxies.values(), self.front):
            proxy.clear()
        for name in SPOKEN:
            server = _server(self.servers, name)
            server.send_signal(signal.SIGCONT)
            if not server.running:
                _start(server)
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            if not process.running:
                wait_until(lambda process=process: process.running, 5, "the supervisor starts it")  # type: ignore[misc]
        self.wait_until_ready()

    def renew(self) -> None:
        """As `repair`; and where RabbitMQ did not survive the row before, begin with an empty one."""
        try:
            self.repair()
        except AssertionError:
            empty_node(self.servers.rabbitmq)
            self.repair()

    def end(self) -> None:
        self._supervising.set()
        if self._supervisor.is_alive():
            self._supervisor.join()
        super().end()
        for proxy in (*self.proxies.values(), self.front):
            proxy.down()
        self._loop.stop()


def empty_node(rabbitmq: RabbitMQ) -> None:
    """Start it anew with nothing on its disk, which may be a disk of its own."""
    rabbitmq.kill()
    for path in (rabbitmq.folder / "data").iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    rabbitmq.start()


def _server(servers: PrivateServers, name: str) -> Server:
    server: Server = getattr(servers, name)
    return server


def _port(servers: PrivateServers, name: str) -> int:
    port: int = getattr(servers, name).port
    return port


def _address(servers: PrivateServers, name: str) -> str:
    address: str = getattr(getattr(servers, name), "address", HOST)
    return address


def _start(server: Server) -> None:
    """A RabbitMQ that was killed may need a second try, as a supervisor would give it."""
    try:
        server.start()
    except ServerFailed:
        time.sleep(1)
        server.start()


@contextmanager
def running_system(folder: Path, private: PrivateServers | None = None, **settings: str) -> Iterator[System]:
    """A system on private servers, up and ready."""
    with private or PrivateServers(folder / "servers") as servers:
        system = System(folder / "service", servers, **settings)
        try:
            system.migrate()
            system.start()
            yield system
        finally:
            system.end()
            servers.rabbitmq.kill()
