"""What every private server has in common: start until it answers, stop, kill, start again on the same port."""

import os
import secrets
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from task_system.testing.servers.process import Process

_POLL_S = 0.05


class ServerFailed(RuntimeError):
    """A private server did not come up; the message ends with its log's last lines."""

    def __init__(self, name: str, reason: str, process: Process) -> None:
        super().__init__(f"{name} {reason}; the end of {process.log}:\n{process.tail()}")


class Server(ABC):
    """A server of our own in ``folder``: data, log and generated password live there and survive a restart."""

    name: str
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.log = self.folder / f"{self.name}.log"
        self._process: Process | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where clients reach the server, credentials included."""

    @property
    def pid(self) -> int | None:
        """The server's process id, None where it does not run."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.running

    def start(self, timeout_s: float = 120) -> None:
        """Start the server and return once it answers a client.

        Raises:
            ServerMissing: its program is not on this machine.
            ServerFailed: it ended, or did not answer within ``timeout_s``.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._process is None:
            self._prepare()
            self._process = Process(self._command(), log=self.log, environment=self._environment(), cwd=self.folder)
        self._process.start()
        try:
            self._wait_until_ready(self._process, timeout_s)
        except BaseException:
            self._process.kill()
            raise

    def stop(self, grace_s: float = 15) -> None:
        """Shut the server down in order, and kill it where that takes longer than ``grace_s``."""
        if self._process is not None:
            self._process.stop(grace_s, self.stop_signal)

    def kill(self) -> None:
        """Kill the server by SIGKILL, as a crash would end it."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        """Stop where it runs, then start on the same port with the same data."""
        self.stop()
        self.start()

    def send_signal(self, number: int) -> None:
        """Send a signal to the server; SIGSTOP makes it hang, SIGCONT go on."""
        if self._process is not None:
            self._process.send_signal(number)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @abstractmethod
    def _prepare(self) -> None:
        """Write what the server needs before its first start."""

    @abstractmethod
    def _command(self) -> Sequence[str | Path]:
        """Return the command that runs the server in the foreground."""

    @abstractmethod
    def _ping(self) -> None:
        """Talk to the server as a client does; raise where it does not answer."""

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    def _wait_until_ready(self, process: Process, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while True:
            if not process.running:
                raise ServerFailed(self.name, f"ended with status {process.exit_status}", process)
            try:
                return self._ping()
            except Exception as error:  # each client has errors of its own for "not yet"
                if time.monotonic() > deadline:
                    reason = f"did not answer within {timeout_s:g} s ({error})"
                    raise ServerFailed(self.name, reason, process) from error
            time.sleep(_POLL_S)


def wait_until(condition: Callable[[], bool], timeout_s: float) -> None:
    """Return once ``condition()`` holds; raise TimeoutError where it does not within ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:g} s in vain")
        time.sleep(_POLL_S)


def kept_secret(path: Path) -> str:
    """Return the password kept in ``path``, making one (file mode 0600) where there is none."""
    if not path.exists():
        write_private(path, secrets.token_urlsafe(24))
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    unfinished.replace(path)
