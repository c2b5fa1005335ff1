"""A child process that is started, watched, signalled and stopped, and that never outlives its starter."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_GUARD = Path(__file__).with_name("guard.py")
_END_S = 30.0
_TAIL_BYTES = 64 * 1024
_TAIL_COLUMNS = 300


class Process:
    """One command under a guard (see ``guard.py``), its output appended to ``log``.

    ``environment`` is the whole environment of the command. The object can be started again after it has ended.
    """

    def __init__(
        self, command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str], cwd: Path | None = None
    ) -> None:
        self.command = [str(word) for word in command]
        self.log = log
        self._environment = dict(environment)
        self._cwd = cwd
        self._guard: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None

    @property
    def pid(self) -> int | None:
        """The command's process id, None where it does not run."""
        return self._pid if self.running else None

    @property
    def running(self) -> bool:
        return self._guard is not None and self._guard.poll() is None

    @property
    def exit_status(self) -> int | None:
        """The last run's exit status as a shell gives it (128 + signal), None before its end."""
        return None if self._guard is None else self._guard.poll()

    def start(self) -> None:
        """Start the command and return at once."""
        if self.running:
            raise RuntimeError(f"already running: {self.command[0]}")
        self._release()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._guard = subprocess.Popen(  # noqa: S603 - the command is the caller's
                # isolated and without site-packages: it starts in a few milliseconds and depends on nothing
                [sys.executable, "-I", "-S", _GUARD, str(os.getpid()), *self.command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                env=self._environment,
                cwd=self._cwd,
                start_new_session=True,  # a terminal's Ctrl-C is for the starter, who then stops things in order
            )
        assert self._guard.stdout is not None
        self._pid = int(self._guard.stdout.readline() or 0)

    def send_signal(self, number: int) -> None:
        """Send a signal to the command and return when it was sent; nothing happens where the command has ended."""
        if self._guard is None or self._guard.stdin is None or self._guard.stdin.closed:
            return
        assert self._guard.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._guard.stdin.write(b"%d\n" % number)
            self._guard.stdin.flush()
            self._guard.stdout.readline()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end of the command and of all it started; return whether it came within ``timeout_s``."""
        if self._guard is None:
            return True
        try:
            self._guard.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, grace_s: float, number: int = signal.SIGTERM) -> None:
        """Ask the command to end, and kill it and all it started after ``grace_s`` seconds."""
        self.send_signal(number)
        try:
            self.wait(grace_s)
        finally:
            self._release()

    def kill(self) -> None:
        """Kill the command by SIGKILL; return when it and all it started are gone."""
        self.stop(_END_S, signal.SIGKILL)

    def tail(self, lines: int = 30) -> str:
        """Return the last lines of the log, long ones cut."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as output:
            output.seek(max(0, self.log.stat().st_size - _TAIL_BYTES))
            last = output.read().decode(errors="replace").splitlines()[-lines:]
        return "\n".join(line[:_TAIL_COLUMNS] for line in last)

    def _release(self) -> None:
        if self._guard is None:
            return
        assert self._guard.stdin is not None
        assert self._guard.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._guard.stdin.close()  # the guard takes down what is left
        self._guard.wait(_END_S)
        self._guard.stdout.close()
