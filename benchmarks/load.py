"""The load generator: wrk, one thread, 64 keep-alive clients, each sending again as soon as it is answered."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.running import BenchmarkFailed

CLIENTS = 64
_SCRIPT = Path(__file__).with_name("submit.lua")


@dataclass(frozen=True)
class Load:
    """What wrk saw in one run."""

    duration_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    accepted: int
    not_2xx: int
    socket_errors: int

    @property
    def rate_per_s(self) -> float:
        """Accepted submissions per second."""
        return self.accepted / self.duration_s


def submit(base_url: str, body: dict[str, Any], seconds: int) -> Load:
    """POST the body to `/api/tasks` for so many seconds."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise BenchmarkFailed("wrk is not on this machine; install the package `wrk` (Debian: apt-get install wrk)")
    command = [wrk, "-t1", f"-c{CLIENTS}", f"-d{seconds}s", "--timeout=10s", "--latency", f"--script={_SCRIPT}"]
    done = subprocess.run(
        [*command, f"{base_url}/api/tasks", "--", json.dumps(body)],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=False,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        raise BenchmarkFailed(f"wrk ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    seen = json.loads(lines[-1])
    statuses: dict[str, int] = seen.pop("statuses")
    not_2xx = sum(number for status, number in statuses.items() if not status.startswith("2"))
    return Load(**seen, accepted=statuses.get("202", 0), not_2xx=not_2xx)


def preload(base_url: str, body: dict[str, Any], at_least: int) -> int:
    """Submit concurrently until so many are accepted; return their number. Raises BenchmarkFailed when one is not."""
    accepted = 0
    while accepted < at_least:
        load = submit(base_url, body, 3)
        if load.not_2xx or load.socket_errors or not load.accepted:
            raise BenchmarkFailed(f"while filling the queue: {load}")
        accepted += load.accepted
    return accepted
