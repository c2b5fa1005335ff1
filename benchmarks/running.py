"""The private servers and the contenders' processes of one benchmark."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import requests

from benchmarks.contenders import MIGRATE, Contender
from task_system.testing.servers import PrivateServers, Process
from task_system.testing.servers.ports import free_port

ROOT = Path(__file__).resolve().parents[1]
_START_S = 60
_STOP_S = 40


class BenchmarkFailed(RuntimeError):
    """A contender did not do what the measurement rests on; numbers would say nothing."""


@dataclass
class Running:
    """A contender that has been started."""

    contender: Contender
    process: Process
    base_url: str

    @property
    def pid(self) -> int:
        """The id of the process that the command line started."""
        if self.process.pid is None:
            raise BenchmarkFailed(f"{self.contender.title} has ended:\n{self.process.tail()}")
        return self.process.pid


@dataclass
class Stand:
    """Where contenders run: real servers of our own, and a folder that goes when the benchmark ends."""

    folder: Path
    servers: PrivateServers
    _runs: Iterator[int] = field(default_factory=count)

    @contextmanager
    def running(self, contender: Contender, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
        """Start the contender, wait until it answers, and stop it at the end."""
        port = free_port()
        process = self._process(contender, port, environment or self.servers.environment)
        process.start()
        try:
            running = Running(contender, process, f"http://127.0.0.1:{port}")
            if contender.health:
                wait_until(lambda: _answers(running), _START_S, f"{contender.title} answers", process)
            yield running
        finally:
            process.stop(_STOP_S)

    def migrate(self) -> None:
        """Make the service's tables and queues."""
        process = self._process(MIGRATE, 0, self.servers.environment)
        process.start()
        ended = process.wait(_START_S)
        status = process.exit_status
        process.kill()
        if not ended or status != 0:
            raise BenchmarkFailed(f"migrate ended with status {status}:\n{process.tail()}")

    def _process(self, contender: Contender, port: int, environment: Mapping[str, str]) -> Process:
        number = next(self._runs)
        data = self.folder / f"data-{number}"
        data.mkdir()
        return Process(
            [word.format(port=port) for word in contender.command],
            log=self.folder / f"{number}.log",
            environment={
                **os.environ,
                "PORT": str(port),
                "DATA_DIR": str(data),
                **environment,
                **contender.environment,
            },
            cwd=ROOT,
        )


@contextmanager
def stand() -> Iterator[Stand]:
    """Start PostgreSQL, RabbitMQ and Redis for one benchmark, with commits and queues on disk as in production."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        servers = PrivateServers(Path(folder) / "servers")
        with servers:
            yield Stand(Path(folder), servers)


def wait_until(
    holds: Callable[[], bool], timeout_s: float, what: str, process: Process | None = None, poll_s: float = 0.1
) -> None:
    """Ask until it holds. Raises BenchmarkFailed after `timeout_s`, or when the process that brings it is gone."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        tail = process.tail() if process else ""
        if process and not process.running:
            raise BenchmarkFailed(f"ended with status {process.exit_status} before: {what}\n{tail}")
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"not within {timeout_s:g} s: {what}\n{tail}")
        time.sleep(poll_s)


def _answers(running: Running) -> bool:
    try:
        return requests.get(running.base_url + running.contender.health, timeout=2).status_code == 200
    except requests.RequestException:
        return False
