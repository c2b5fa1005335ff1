"""What processes take."""

import os
from pathlib import Path

from tests.chaos.harness.system import System
from tests.integration.service import children


def web_pids(system: System) -> list[int]:
    """The web process, and those it made."""
    pid = system.processes["web"].pid
    assert pid
    return [pid, *children(pid)]


def rss_mb(pids: list[int]) -> float:
    """Of all of them together."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def descriptors(pids: list[int]) -> int:
    """Open ones, of all of them together."""
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)
