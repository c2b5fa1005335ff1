"""How results leave a benchmark: a table on the terminal, JSON, and a section of docs/performance.md."""

import argparse
import json
import os
import platform
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import kombu
import psycopg
import redis

from benchmarks.running import Stand

_PACKAGES = ("flask", "celery", "kombu", "amqp", "granian", "gunicorn", "sqlalchemy", "psycopg", "redis")
_HEAD = """# Performance

Written by the programs under `benchmarks/` (`--markdown`); `benchmarks/README.md` says what each measures and how.
Absolute numbers belong to the machine named beside them; the ratios are what to compare.
"""


@dataclass(frozen=True)
class Bar:
    """Something that must hold, and whether it did."""

    what: str
    measured: str
    met: bool


@dataclass
class Report:
    """One benchmark's outcome."""

    name: str
    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]]
    bars: list[Bar]
    facts: dict[str, str]
    notes: list[str] = field(default_factory=list)
    #: Everything measured, for programs.
    data: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """For a terminal."""
        table = [self.columns, *self.rows]
        widths = [max(len(row[column]) for row in table) for column in range(len(self.columns))]
        lines = ["  ".join(_aligned(row, widths)).rstrip() for row in table]
        bars = [f"{'met   ' if bar.met else 'MISSED'} {bar.what}: {bar.measured}" for bar in self.bars]
        facts = [f"{name}: {value}" for name, value in self.facts.items()]
        return "\n".join([self.title, "", *lines, "", *bars, *self.notes, "", *facts])

    def markdown(self) -> str:
        """For docs/performance.md."""
        lines = [
            f"## {self.title}",
            "",
            _markdown_row(self.columns),
            _markdown_row(["---", *["---:"] * (len(self.columns) - 1)]),
            *[_markdown_row(row) for row in self.rows],
            "",
            *[f"- {'Met' if bar.met else '**Missed**'}: {bar.what}: {bar.measured}." for bar in self.bars],
            *[f"- {note}" for note in self.notes],
            "",
            "; ".join(f"{name}: {value}" for name, value in self.facts.items()) + ".",
        ]
        return "\n".join(lines)

    def write(self, options: argparse.Namespace) -> None:
        """Print it, and write the files that were asked for."""
        print(self.text())
        if options.json:
            bars = [vars(bar) for bar in self.bars]
            everything = {"name": self.name, "facts": self.facts, "bars": bars, "notes": self.notes, **self.data}
            options.json.write_text(json.dumps(everything, indent=2) + "\n")
        if options.markdown:
            _replace_section(options.markdown, self.name, self.markdown())


def arguments(description: str | None) -> argparse.Namespace:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a smoke of some seconds; its numbers mean nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all that was measured to FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="put the table into FILE (docs/performance.md)")
    options = parser.parse_args()
    if options.quick and options.markdown:
        parser.error("a quick run's numbers mean nothing and do not go into a document")
    return options


def paired_ratio(ours: Sequence[float], others: Sequence[float]) -> float:
    """The median of the rounds' ratios: what disturbs the machine for a while disturbs both sides of a pair."""
    return median(one / other for one, other in zip(ours, others, strict=True))


def facts(stand: Stand) -> dict[str, str]:
    """The machine, the versions and the date."""
    with kombu.Connection(stand.servers.rabbitmq.url) as connection:
        connection.connect()
        rabbitmq = connection.connection.server_properties["version"]
    with redis.Redis.from_url(stand.servers.redis.url) as client:
        redis_version = client.info("server")["redis_version"]
    postgresql = _postgresql_version(stand.servers.postgresql.url)
    return machine(f"RabbitMQ {rabbitmq}, PostgreSQL {postgresql}, Redis {redis_version}", _PACKAGES)


def facts_of_database(url: str) -> dict[str, str]:
    """The same, where PostgreSQL is the only server."""
    servers = f"PostgreSQL {_postgresql_version(url)}, SQLite {sqlite3.sqlite_version}"
    return machine(servers, ("sqlalchemy", "psycopg"))


def machine(servers: str, packages: Sequence[str]) -> dict[str, str]:
    """The machine, these servers, the versions of these packages, and the date."""
    versions = [f"{name} {metadata.version(name)}" for name in packages]
    kernel = ".".join(platform.release().split(".")[:2])
    return {
        "Date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Machine": f"{os.cpu_count()} cores, {_cpu_model()}, Linux {kernel}, load generator and all "
        f"servers on it, load average {os.getloadavg()[0]:.1f} at the start",
        "Servers": servers,
        "Python": f"{platform.python_version()}, {', '.join(versions)}",
    }


def _postgresql_version(url: str) -> int:
    with psycopg.connect(url) as database:
        return database.info.server_version // 10000


def _cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = row
    return [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _replace_section(path: Path, name: str, section: str) -> None:
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = path.read_text() if path.exists() else _HEAD
    before, found, rest = text.partition(begin)
    after = rest.partition(end)[2] if found else "\n"
    head = before if found else before.rstrip("\n") + "\n\n"
    path.write_text(f"{head}{begin}\n\n{section}\n\n{end}{after}")
