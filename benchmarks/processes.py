"""What processes take of the machine, from /proc."""

import os
import resource
from contextlib import suppress
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    members = [pid]
    with suppress(FileNotFoundError, ProcessLookupError):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        children = [int(child) for task in tasks for child in (task / "children").read_text().split()]
        members += [member for child in children for member in family(child)]
    return members


def cpu_s(pid: int) -> float:
    """CPU time of a process and all that descend from it, those that have ended included, in seconds."""
    return sum(_own_cpu_s(member) for member in family(pid))


def children_cpu_s() -> float:
    """CPU time of this process's children that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _own_cpu_s(pid: int) -> float:
    """Its own, and that of its children that have ended (proc(5): utime, stime, cutime, cstime)."""
    with suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:15]) / _TICKS_PER_S
    return 0.0
