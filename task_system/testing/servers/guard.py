"""Run one command and take it, and everything it started, down with whoever asked for it.

    python guard.py STARTER_PID COMMAND [ARGUMENT...]

Being a child subreaper, this process inherits whatever the command leaves behind, daemons that fork twice included, so
that "nothing is left running" is a fact, not a hope. It prints the command's pid, then obeys its standard input: each
line is the number of a signal for the command and is printed once it was sent (a stop: once the command stands still),
the end of the file means that the starter is gone. Linux only.
"""

import ctypes
import os
import select
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
STARTER_CHECK_S = 1.0
"""A fork of the starter may hold our input open longer than the starter lives; its pid tells the truth."""


def main(starter: int, command: list[str]) -> int:
    """Run ``command`` until it ends or the process ``starter`` is gone; return the command's exit status."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)

    child = os.fork()
    if child == 0:
        _become(command, libc)
    sys.stdout.write(f"{child}\n")
    sys.stdout.flush()

    status = None
    while status is None:
        readable, _, _ = select.select([0, woken], [], [], STARTER_CHECK_S)
        if os.getppid() != starter or (0 in readable and not _obey(child)):
            break
        if woken in readable:
            os.read(woken, 4096)
        status = _reap(child)
    rest = _kill_everybody(child)
    return os.waitstatus_to_exitcode(rest if status is None else status)


def _become(command: list[str], libc: ctypes.CDLL) -> None:
    os.setsid()
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for ignored_by_python in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored_by_python, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the whole point
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(127)


def _obey(child: int) -> bool:
    """Pass on the signals asked for; return False at the end of the input."""
    lines = os.read(0, 4096)
    for number in map(int, lines.split()):
        os.kill(child, number)
        if number == signal.SIGSTOP:
            os.waitid(os.P_PID, child, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        os.write(1, b"%d\n" % number)
    return bool(lines)


def _reap(child: int) -> int | None:
    """Bury whoever has died; return the command's wait status once it is among them."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return status
        if pid == 0:
            return None


def _kill_everybody(child: int) -> int:
    """Kill our children, then those we inherit from them, until there are none; return the command's wait status."""
    child_status = 0
    while True:
        for pid in _children():
            os.kill(pid, signal.SIGKILL)
        try:
            pid, status = os.waitpid(-1, 0)
        except ChildProcessError:
            return child_status
        if pid == child:
            child_status = status


def _children() -> list[int]:
    ours = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                after_name = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue  # gone since the listing
            if int(after_name[1]) == os.getpid():
                ours.append(int(entry.name))
    return ours


if __name__ == "__main__":
    code = main(int(sys.argv[1]), sys.argv[2:])
    sys.exit(code if code >= 0 else 128 - code)
