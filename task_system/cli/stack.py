"""The whole service on this machine without containers: private servers, every role as a process of its own."""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from subprocess import CalledProcessError
from types import FrameType
from typing import NoReturn
from urllib.parse import urlsplit

import click

from task_system.settings import Settings
from task_system.testing.servers import (
    MailCatcher,
    PostgreSQL,
    Process,
    RabbitMQ,
    Redis,
    Server,
    ServerFailed,
    ServerMissing,
)
from task_system.testing.servers.install import install
from task_system.testing.servers.ports import HOST, free_port
from task_system.testing.servers.private import start_together, stop_together
from task_system.testing.servers.probe import http_status
from task_system.testing.servers.server import write_private

_POLL_S = 0.2
_READY_TIMEOUT_S = 120.0
_MIGRATE_TIMEOUT_S = 120.0
_GRACE_S = 15.0


@dataclass(frozen=True)
class Role:
    """One process of the service: its name in logs, and the arguments that Python runs it with."""

    name: str
    arguments: tuple[str, ...]


def service_roles(flower_port: int) -> tuple[Role, ...]:
    """Every process of the service, in the order of starting; the first one is run to its end before the others."""
    service = ("-m", "task_system")
    flower = ("flower", f"--address={HOST}", f"--port={flower_port}")
    return (
        Role("migrate", (*service, "migrate")),
        Role("web", (*service, "web")),
        Role("worker", (*service, "worker", "default")),
        Role("data_worker", (*service, "worker", "data_processing")),
        Role("email_worker", (*service, "worker", "email_sending")),
        Role("file_worker", (*service, "worker", "file_processing", "image_processing")),
        Role("keeper", (*service, "keeper")),
        Role("flower", ("-m", "celery", "-A", "tasks", *flower)),
    )


class StackFailed(RuntimeError):
    """The stack did not come up; the message says which part failed."""


class Stack:
    """The servers and the roles, started and stopped in order.

    Data are kept in ``data_dir`` from run to run, each process's output in ``log/``; from when all is up until the end
    ``stack.env`` tells other programs the addresses.
    """

    def __init__(self, data_dir: Path, port: int, grace_s: float, roles: Sequence[Role], flower_port: int) -> None:
        self._data_dir = data_dir.resolve()
        self._logs = self._data_dir / "log"
        self._grace_s = grace_s
        folder = self._data_dir / "stack"
        self._rabbitmq = RabbitMQ(folder / "rabbitmq", management=True)
        self._redis = Redis(folder / "redis")
        self._postgresql = PostgreSQL(folder / "postgresql")
        self._mail = MailCatcher(folder / "mail")
        self._servers: list[Server] = [self._rabbitmq, self._redis, self._postgresql, self._mail]
        for server in self._servers:
            server.log = self._log(server.name)
        self._base_url = f"http://{HOST}:{port}"
        self._flower_url = f"http://{HOST}:{flower_port}"
        self._roles = roles
        self._port = port
        self._running: dict[str, Process] = {}

    @property
    def env_file(self) -> Path:
        return self._data_dir / "stack.env"

    @property
    def _rabbitmq_page_url(self) -> str:
        return f"http://{self._rabbitmq.management_url.rpartition('@')[2]}"

    def run(self) -> None:
        """Bring everything up, then watch it until interrupted.

        Raises:
            ServerFailed, StackFailed: a part did not come up; everything else is stopped again.
            KeyboardInterrupt: asked to stop; everything is.
        """
        self._data_dir.mkdir(parents=True, exist_ok=True)
        with ExitStack() as on_exit:
            on_exit.enter_context(self._only_one())
            on_exit.callback(stop_together, self._servers)
            start_together(self._servers, self._tell_server)
            on_exit.callback(self._stop_roles)
            self._migrate()
            for role in self._roles[1:]:
                self._running[role.name] = self._process(role)
                self._running[role.name].start()
            self._wait_until_ready()
            on_exit.callback(self.env_file.unlink, missing_ok=True)
            write_private(self.env_file, "".join(f"{name}={value}\n" for name, value in self._addresses().items()))
            _say(f"ready; addresses with passwords: {self.env_file}, logs: {self._logs}. Ctrl-C stops everything.")
            self._watch()

    def _addresses(self) -> dict[str, str]:
        return {
            "BASE_URL": self._base_url,
            "DATABASE_URL": self._postgresql.url,
            "BROKER_URL": self._rabbitmq.url,
            "REDIS_URL": self._redis.url,
            "FLOWER_URL": self._flower_url,
            "SMTP_URL": self._mail.url,
            "RABBITMQ_MANAGEMENT_URL": self._rabbitmq.management_url,
            "RABBITMQ_PAGE_URL": self._rabbitmq_page_url,
        }

    def _environment(self) -> dict[str, str]:
        return (
            dict(os.environ)
            | self._addresses()
            | {
                "DATA_DIR": str(self._data_dir),
                "HOST": HOST,
                "PORT": str(self._port),
                "FLOWER_BROKER_API": f"{self._rabbitmq.management_url}/api/",
            }
        )

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _process(self, role: Role) -> Process:
        command = [sys.executable, *role.arguments]
        return Process(command, log=self._log(role.name), environment=self._environment())

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        with (self._data_dir / "stack.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StackFailed(f"a stack is already running on {self._data_dir}") from None
            self.env_file.unlink(missing_ok=True)  # of one that was killed
            yield

    def _tell_server(self, server: Server) -> None:
        notes = {
            "rabbitmq": f"management page {self._rabbitmq_page_url}",
            "mail": f"messages in {self._mail.messages_folder}",
        }
        url = urlsplit(server.url)
        _tell(server.name, f"{url.scheme}://{url.hostname}:{url.port}{url.path}", notes.get(server.name, ""))

    def _migrate(self) -> None:
        migrate = self._process(self._roles[0])
        migrate.start()
        try:
            if not migrate.wait(_MIGRATE_TIMEOUT_S) or migrate.exit_status != 0:
                raise StackFailed(_obituary(self._roles[0].name, migrate))
        finally:
            migrate.stop(0)

    def _wait_until_ready(self) -> None:
        unseen = {"web": f"{self._base_url}/api/health/live", "flower": self._flower_url}
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while unseen or not _answers(f"{self._base_url}/api/health/ready"):
            for name in [name for name, url in unseen.items() if _answers(url)]:
                _tell(name, self._base_url if name == "web" else self._flower_url)
                del unseen[name]
            for name, process in self._running.items():
                if not process.running:
                    raise StackFailed(_obituary(name, process))
            if time.monotonic() > deadline:
                raise StackFailed(f"not ready after {_READY_TIMEOUT_S:g} s; see {self._base_url}/api/health/ready")
            time.sleep(_POLL_S)

    def _watch(self) -> None:
        """Say when a process ends; it is not started again, so that nobody overlooks it."""
        alive = {server.name for server in self._servers} | set(self._running)
        while alive:
            for server in self._servers:
                if server.name in alive and not server.running:
                    alive.remove(server.name)
                    _say(f"{server.name} has ended; see {server.log}")
            for name, process in self._running.items():
                if name in alive and not process.running:
                    alive.remove(name)
                    _say(_obituary(name, process))
            time.sleep(_POLL_S)

    def _stop_roles(self) -> None:
        last_first = list(reversed(self._running.items()))
        for _, process in last_first:
            process.send_signal(signal.SIGTERM)
        for name, process in last_first:
            in_time = process.wait(self._grace_s)
            process.kill()
            _say(f"{name} has stopped" if in_time else f"{name} was killed: it did not stop in {self._grace_s:g} s")


@click.command()
def stack() -> None:
    """Run everything on this machine: private RabbitMQ, Redis and PostgreSQL, and every process of the service."""
    sys.exit(run_stack(Settings()))


def run_stack(settings: Settings) -> int:
    """Run the whole service below ``settings.data_dir`` until Ctrl-C; return the exit status for the shell."""
    port = settings.port if "port" in settings.model_fields_set else free_port()
    flower_port = free_port()
    grace_s = settings.worker_grace_s + _GRACE_S
    try:
        install()
    except (ServerMissing, CalledProcessError) as error:
        _say(str(error))
        return 1
    return run_until_interrupted(Stack(settings.data_dir, port, grace_s, service_roles(flower_port), flower_port))


def run_until_interrupted(stack: Stack) -> int:
    """Run the stack until SIGINT, SIGTERM or SIGHUP; a second one does not wait for those that take their time."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        stack.run()
    except KeyboardInterrupt:
        return 0
    except (ServerFailed, StackFailed) as error:
        _say(str(error))
        return 1
    _say("every process has ended")
    return 1


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    raise KeyboardInterrupt


def _answers(url: str) -> bool:
    try:
        return http_status(url) == HTTPStatus.OK
    except (OSError, HTTPException):
        return False


def _obituary(name: str, process: Process) -> str:
    state = "still runs" if process.running else f"has ended with status {process.exit_status}"
    return f"{name} {state}; the end of {process.log}:\n{process.tail()}"


def _say(text: str) -> None:
    print(text, flush=True)


def _tell(name: str, address: str, note: str = "") -> None:
    _say(f"{name:<12}{address}{'  ' + note if note else ''}")
