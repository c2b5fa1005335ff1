"""A service under test, as its clients see it, and the processes it is made of."""

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import requests

from task_system.testing.servers import PrivateServers, Process
from task_system.testing.servers.ports import HOST, free_port
from tests.standstill import Stopwatch

ROOT = Path(__file__).resolve().parents[2]
LEASE_S, HEARTBEAT_S, GRACE_S = 6.0, 2.0, 3.0
#: Of the worker that runs the tests' own types.
SLOTS = 2
TERMINAL = frozenset({"SUCCESS", "FAILURE", "CANCELLED", "EXPIRED"})
HOST_NAME = "tasks.example"
ORIGIN = "https://pages.example"
MAX_BODY_BYTES = 256 * 1024
MAX_FILE_BYTES = 96 * 1024 * 1024
_START_S = 120.0
#: Servers close a connection on which nobody asked for 30 s.
_KEPT_S = 20.0
#: Between two looks: short at first, then longer, since each costs the machine what is waited for.
_LOOK_FIRST_S, _LOOK_MOST_S = 0.02, 0.2

Json = dict[str, Any]


def wait_until(holds: Callable[[], Any], timeout_s: float, what: str | Callable[[], object]) -> Any:
    """Ask until the answer is true, and return it. Fails with `what` was waited for."""
    watch, pause_s = Stopwatch(), _LOOK_FIRST_S
    while not (answer := holds()):
        if watch.s > timeout_s:
            raise AssertionError(f"not within {timeout_s:g} s: {what if isinstance(what, str) else what()}")
        time.sleep(pause_s)
        pause_s = min(1.25 * pause_s, _LOOK_MOST_S)
    return answer


class Service:
    """What both modes have in common: processes of our own, and an API."""

    mode: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        #: Where the code of processes made from now on is.
        self.code = ROOT
        self.data_dir = folder / "data"
        self.data_dir.mkdir(parents=True)
        self.port = free_port()
        self.base_url = f"http://{HOST}:{self.port}"
        self.processes: dict[str, Process] = {}
        self._http = requests.Session()
        self._asked_at = time.monotonic()

    # Its processes.

    def environment(self) -> dict[str, str]:
        """What its processes are told, and nothing of what this machine's user has set for his own service."""
        ours = {
            "HOST": HOST,
            "PORT": str(self.port),
            "DATA_DIR": str(self.data_dir),
            "TASK_MODULES": "tests.task_types_for_tests",
            "LEASE_S": str(LEASE_S),
            "HEARTBEAT_S": str(HEARTBEAT_S),
            "WORKER_CONCURRENCY": str(SLOTS),
            "ALLOWED_HOSTS": HOST_NAME,
            "CORS_ORIGINS": ORIGIN,
            "MAX_BODY_BYTES": str(MAX_BODY_BYTES),
            "MAX_FILE_BYTES": str(MAX_FILE_BYTES),
            "WORKER_GRACE_S": str(GRACE_S),
            "LOG_FORMAT": "text",
        }
        not_ours = {"DATABASE_URL": "", "BROKER_URL": "", "REDIS_URL": "", "SMTP_URL": "", "FLOWER_URL": ""}
        return {**os.environ, **not_ours, **ours}

    def process(self, name: str, *arguments: str, **environment: str) -> Process:
        """A process of this service, not yet started; its log is called `name`."""
        return Process(
            [sys.executable, "-m", *arguments],
            log=self.folder / f"{name}.log",
            environment={**self.environment(), **environment},
            cwd=self.code,
        )

    def start(self) -> None:
        """Start what does not run, and return once the service is ready."""
        for process in self.processes.values():
            if not process.running:
                process.start()
        self.wait_until_ready()

    def end(self) -> None:
        """Kill it: nobody needs it any more, and an end in order takes its time."""
        for process in self.processes.values():
            process.kill()
        self._http.close()

    def wait_until_ready(self, timeout_s: float = _START_S) -> None:
        """Return once every part is up."""
        said: list[object] = ["nothing"]

        def ready() -> bool:
            self.check()
            try:
                answer = self._http.get(f"{self.base_url}/api/health/ready", timeout=10)
            except requests.RequestException as error:
                said[0] = error
                return False
            said[0] = answer.text
            return answer.status_code == 200

        wait_until(ready, timeout_s, lambda: f"ready; said {said[0]}")

    def check(self) -> None:
        """Fail, with the end of its log, when a process has ended that nobody ended."""
        for name, process in self.processes.items():
            assert process.running, f"{name} ended with status {process.exit_status}:\n{process.tail()}"

    # Its API.

    def request(self, method: str, path: str, timeout_s: float = 20, **options: Any) -> requests.Response:
        """One request on a kept connection; on a new one where the server may be about to close that."""
        if time.monotonic() - self._asked_at > _KEPT_S:
            self._http.close()
        answer = self._http.request(method, f"{self.base_url}{path}", timeout=timeout_s, **options)
        self._asked_at = time.monotonic()
        return answer

    def get(self, path: str) -> requests.Response:
        """GET a path."""
        return self.request("GET", path)

    def post(self, body: Any) -> requests.Response:
        """Submit whatever that is: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", "/api/tasks", data=data, headers={"Content-Type": "application/json"})

    def submit(self, task_type: str, parameters: Json | None = None, **more: Any) -> Json:
        """Submit a task that is to be accepted; answers what the API said."""
        answer = self.post({"task_type": task_type, "parameters": parameters or {}, **more})
        assert answer.status_code == 202, answer.text
        accepted: Json = answer.json()
        return accepted

    def task(self, task_id: str) -> Json:
        """The task as the API shows it."""
        answer = self.get(f"/api/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        view: Json = answer.json()
        return view

    def wait_for(self, task_id: str, holds: Callable[[Json], bool], what: str, timeout_s: float = 20) -> Json:
        """Poll a task until that holds of it; answers it."""
        seen: list[Json] = [{}]

        def look() -> bool:
            self.check()
            seen[0] = self.task(task_id)
            return holds(seen[0])

        wait_until(look, timeout_s, lambda: f"{what}; the task is {json.dumps(seen[0], indent=2)}")
        return seen[0]

    def finished(self, task_id: str, timeout_s: float = 20) -> Json:
        """Wait for a task's terminal state; answers the task."""
        return self.wait_for(task_id, lambda task: task["state"] in TERMINAL, "a terminal state", timeout_s)

    def run(self, task_type: str, parameters: Json | None = None, timeout_s: float = 20, **more: Any) -> Json:
        """Submit a task and wait for its end."""
        return self.finished(self.submit(task_type, parameters, **more)["task_id"], timeout_s)

    # Its database, for what no client is shown.

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database answers."""
        raise NotImplementedError

    def wait_until_reserved(self, task_ids: list[str]) -> None:
        """Return once a worker holds the messages of all these waiting tasks: its heartbeats say so in their rows."""
        ids = ", ".join(self._id(task_id) for task_id in task_ids)
        confirmed = f"FROM tasks WHERE id IN ({ids}) AND published_at IS NOT NULL"
        count, times = f"SELECT count(*) {confirmed}", f"SELECT min(published_at), max(published_at) {confirmed}"
        wait_until(lambda: self.rows(count) == [(len(task_ids),)], 20, "all messages confirmed")
        [(_, last)] = self.rows(times)
        wait_until(lambda: self.rows(times)[0][0] > last, 20, "a heartbeat that names all of them")

    def _id(self, task_id: str) -> str:
        return f"'{task_id}'"


class Stack(Service):
    """Servers, API, two workers and keeper: every part a process of its own."""

    mode = "stack"

    def __init__(self, folder: Path, servers: PrivateServers) -> None:
        super().__init__(folder)
        self.servers = servers
        self.processes = {
            "web": self.process("web", "task_system", "web"),
            "worker": self.process("worker", "task_system", "worker", "default"),
            "types_worker": self.process(
                "types_worker",
                *("task_system", "worker", "data_processing", "email_sending", "file_processing", "image_processing"),
                WORKER_CONCURRENCY="1",
            ),
            "keeper": self.process("keeper", "task_system", "keeper"),
        }

    def environment(self) -> dict[str, str]:
        return super().environment() | self.servers.environment

    def migrate(self) -> None:
        """Make tables and queues."""
        migrate = self.process("migrate", "task_system", "migrate")
        migrate.start()
        try:
            assert migrate.wait(60), "migrate takes too long"
            assert migrate.exit_status == 0, migrate.tail()
        finally:
            migrate.stop(0)

    def repair(self) -> None:
        """Bring back whatever an earlier test has left broken."""
        for server in (self.servers.rabbitmq, self.servers.redis, self.servers.postgresql):
            if not server.running:
                server.start()
        self.start()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.servers.postgresql.url) as connection:
            return connection.execute(query.encode()).fetchall()


class Embedded(Service):
    """One process. settings: what it is told besides."""

    mode = "embedded"

    def __init__(self, folder: Path, **settings: str) -> None:
        super().__init__(folder)
        self.processes = {"service": self.process("service", "task_system", "run", **settings)}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        connection = sqlite3.connect(f"file:{self.data_dir / 'tasks.db'}?mode=ro", uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def _id(self, task_id: str) -> str:
        return f"'{task_id.replace('-', '')}'"


@contextmanager
def running_stack(folder: Path) -> Iterator[Stack]:
    """The full stack on private servers, up and ready."""
    with PrivateServers(folder / "servers") as servers:
        stack = Stack(folder / "service", servers)
        try:
            stack.migrate()
            stack.start()
            yield stack
        finally:
            stack.end()
            servers.rabbitmq.kill()


@contextmanager
def running_embedded(folder: Path, **settings: str) -> Iterator[Embedded]:
    """The embedded service, up and ready."""
    embedded = Embedded(folder / "service", **settings)
    try:
        embedded.start()
        yield embedded
    finally:
        embedded.end()


def children(pid: int) -> list[int]:
    """The process ids of a process's own children."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
