"""What became of the rows: a line of JSON each, from which the summary and `docs/guarantees.md` are made."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from task_system.testing.servers.binaries import postgresql_bin, rabbitmq_server, redis_server
from tests.chaos.harness.oracle import Verdict

ROOT = Path(__file__).resolve().parents[3]
#: Where lines are appended; rows run by `make test` leave none.
RESULTS = "CHAOS_RESULTS"
COUNTED = ("lost", "phantom", "two_outcomes", "stuck", "unaccounted", "undone", "failed")


@dataclass
class Outcome:
    """One run of one row."""

    number: str
    fault: str
    promise: str
    test: str
    broker: str
    at: str
    result: str = "passed"
    why: str = ""
    figures: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Any, test: str, parameters: dict[str, Any]) -> "Outcome":
        """A row that is about to be run, with the parameters that its fault names."""
        fault = row.fault.format(**parameters)
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return cls(row.number, fault, row.promise, test, rabbitmq_version(), now)

    def found(self, verdict: Verdict) -> None:
        """What the judge found."""
        said = asdict(verdict)
        self.figures |= {name: len(value) if name in COUNTED else value for name, value in said.items()}

    def failed(self, error: BaseException) -> None:
        """It did not hold, or was skipped."""
        skipped = type(error).__name__ == "Skipped"
        self.result, self.why = "skipped" if skipped else "failed", str(error)[:500]


def record(outcome: Outcome) -> None:
    """Append the line, where somebody asked for it."""
    if path := os.environ.get(RESULTS):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")


@cache
def rabbitmq_version() -> str:
    """Of the program that the environment names."""
    program = rabbitmq_server().with_name("rabbitmqctl")
    said = _said(str(program), "version")
    return f"RabbitMQ {said}" if said else "RabbitMQ"


def versions() -> str:
    """What all of it ran on."""
    packages = ("celery", "kombu", "amqp", "flask", "granian", "sqlalchemy", "psycopg", "redis")
    postgres = _said(str(postgresql_bin() / "postgres"), "--version").removeprefix("postgres (PostgreSQL) ")
    redis = _said(str(redis_server()), "--version").partition("v=")[2].partition(" ")[0]
    python = f"Python {platform.python_version()}"
    return ", ".join(
        [
            f"PostgreSQL {postgres.split()[0]}",
            f"Redis {redis}",
            python,
            *(f"{name} {version(name)}" for name in packages),
        ]
    )


def machine() -> str:
    """Where."""
    cores = os.cpu_count() or 1
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return f"{cores} cores, {' '.join(model.split()[:2])}, Linux {'.'.join(platform.release().split('.')[:2])}"


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = done.stdout.strip().splitlines()
    return lines[-1] if lines else ""
