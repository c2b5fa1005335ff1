"""How much memory this process has, and the processes of its pool."""

import os
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_mb() -> float | None:
    """Resident megabytes of this process and its children; what they share counts for each. None where /proc is not."""
    try:
        children = [pid for of in Path("/proc/self/task").glob("*/children") for pid in of.read_text().split()]
        pages = _pages("self") + sum(map(_pages, children))
    except OSError:
        return None
    return round(pages * _PAGE / 1e6, 1)


def _pages(pid: str) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except FileNotFoundError:
        if pid == "self":
            raise
        return 0  # it ended meanwhile
