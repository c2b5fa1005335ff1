"""How long a page of tasks takes to find, by search and number of rows, on PostgreSQL and SQLite.

python -m benchmarks.listing [--quick] [--json FILE] [--markdown docs/performance.md]
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import event, insert, text

from benchmarks import report
from benchmarks.report import Bar, Report
from task_system.model.ids import first_id_at
from task_system.model.search import Expression, parse
from task_system.store import Database, partitions
from task_system.store.finding import Finding
from task_system.store.migrate import upgrade
from task_system.store.tables import tasks
from task_system.testing.servers import PostgreSQL

WEEKS = 5
LIMIT = 50
Facts = dict[str, str]
#: In percent.
STATES = {"SUCCESS": 92.9, "FAILURE": 3, "CANCELLED": 1, "EXPIRED": 0.5, "PENDING": 2, "RETRY": 0.5, "STARTED": 0.002}
LIVE = {"PENDING", "RETRY", "STARTED"}
TYPES = {"csv_import": 50, "csv_export": 20, "send_invoice": 20, "thumbnail": 9.9, "rare_type": 0.01}
RARE = "00000000-0000-7000-8000-0000000000"
COLUMNS = (
    "id", "task_type", "queue", "priority", "state", "parameters", "max_attempts", "timeout_s", "created_at", "run_at",
    "attempt", "lease_token", "lease_until", "worker", "started_at", "finished_at", "result", "error_type",
    "error_message", "tags", "metadata", "batch_id", "schedule_id", "published_at", "relay_at",
)  # fmt: skip
SEARCHES = {
    "all": "",
    "state failure": "state:failure",
    "state success": "state:success",
    "state pending": "state:pending",
    "state started": "state:started",
    "states, several": "state:failure,retry,expired,started",
    "scheduled": "state:scheduled",
    "type, common": "type:csv_import",
    "type, rare": "type:rare_type",
    "type, missing": "type:no_such_type",
    "type, prefix": "type:csv*",
    "queue": "queue:default.high",
    "priority": "priority:low",
    "tag, common": "tag:nightly",
    "tag, rare": "tag:once",
    "tag, missing": "tag:never",
    "worker, one": "worker:worker-3@host",
    "worker, missing": "worker:nobody",
    "created, a day": "created:>2d created:<3d",
    "finished before": "finished:<2026-01-01",
    "schedule": f"schedule:{RARE}01",
    "batch": f"batch:{RARE}ff",
    "error": "error:timeout",
    "error, missing": "error:nonesuch",
    "q of the documents": (
        "state:failure,retry type:csv* tag:nightly -tag:test error:timeout created:>2h duration:>30s"
        " parameters.user.id:42"
    ),
    "not and or": "(state:failure OR tag:nightly) -priority:low",
    "parameters": "parameters.user.id:42",
    "parameters, missing": "parameters.user.id:-1",
    "duration": "duration:>1h",
    "word": "invoice",
}


def rows(count: int, now: datetime) -> Iterator[dict[str, Any]]:
    """So many tasks over the past weeks, the same each time."""
    dice = random.Random(7)
    states = dice.choices(list(STATES), list(STATES.values()), k=count)
    types = dice.choices(list(TYPES), list(TYPES.values()), k=count)
    step = timedelta(weeks=WEEKS - 1) / count
    start = now - timedelta(weeks=WEEKS - 1)
    for number in range(count):
        state = states[number]
        created = start + step * number
        ended = created + timedelta(seconds=dice.expovariate(0.1))
        failed = state in {"FAILURE", "RETRY"}
        # Half of what waits is not due for long; the other half is a backlog that nobody works on.
        scheduled = state == "PENDING" and number % 2 == 0
        delay = timedelta(days=60) if scheduled else timedelta(minutes=1) if state == "RETRY" else timedelta()
        parameters = {"user": {"id": number % 5000}, "url": f"https://files.example/{number}", "note": "x" * 120}
        priority = "low" if number % 20 == 0 else "high" if number % 7 == 0 else "normal"
        tags = None
        if number % 10 == 0:
            tags = ["nightly", f"team-{number % 130}"] + (["test"] if number % 30 == 0 else [])
        elif number % (count // 5) == 1:
            tags = ["once"]
        yield {
            "id": UUID(int=first_id_at(created).int | dice.getrandbits(62)),
            "task_type": types[number],
            "queue": f"default.{priority}",
            "priority": priority,
            "state": state,
            "parameters": parameters,
            "max_attempts": 3,
            "timeout_s": 60.0,
            "created_at": created,
            "run_at": created + delay,
            "attempt": 0 if state == "PENDING" else 1,
            "lease_token": UUID(int=number) if state == "STARTED" else None,
            "lease_until": now if state == "STARTED" else None,
            "worker": None if state == "PENDING" else f"worker-{number % 40}@host",
            "started_at": None if state == "PENDING" else created,
            "finished_at": None if state in LIVE else ended,
            "result": '{"rows": 12}' if state == "SUCCESS" else None,
            "error_type": "TimeoutError" if failed else None,
            "error_message": f"timeout after {number} ms" if failed and number % 3 else "no route" if failed else None,
            "tags": tags,
            "metadata": None,
            "batch_id": UUID(RARE + "ff") if number % 100 == 3 else None,
            "schedule_id": UUID(f"{RARE}0{number // 50 % 5}") if number % 50 == 5 else None,
            "published_at": None if scheduled else created,
            "relay_at": created + delay if scheduled else None,
        }


def fill(database: Database, count: int) -> None:
    """Put so many tasks into an empty database."""
    now = datetime.now(UTC)
    if not database.is_postgresql:
        with database.write() as connection:
            connection.execute(insert(tasks), list(rows(count, now)))
            connection.execute(text("ANALYZE"))
        return
    with database.write() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        partitions.ensure(connection, now - timedelta(weeks=WEEKS - 1))
        raw = connection.connection.driver_connection
        assert raw is not None
        documents = ("parameters", "tags", "metadata")
        with raw.cursor().copy(f"COPY tasks ({', '.join(COLUMNS)}) FROM STDIN") as copy:
            for row in rows(count, now):
                for name in documents:
                    row[name] = None if row[name] is None else orjson.dumps(row[name]).decode()
                copy.write_row([row[name] for name in COLUMNS])
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE tasks"))


class Clock:
    """Milliseconds of processor time, ours and that of our PostgreSQL session: what a busy machine does not change."""

    def __init__(self, database: Database) -> None:
        self._session: Path | None = None
        if database.is_postgresql:
            with database.read() as connection:
                self._session = Path(f"/proc/{connection.scalar(text('SELECT pg_backend_pid()'))}/schedstat")

    def now_ms(self) -> float:
        """So far."""
        session_ns = int(self._session.read_text().split()[0]) if self._session else 0
        return time.process_time() * 1000 + session_ns / 1e6


@dataclass(frozen=True)
class Found:
    """Of one search: times in milliseconds, tasks on the first page, and whether that page was cut short."""

    p50_ms: float
    p95_ms: float
    cpu_p95_ms: float
    number: int
    short: bool
    #: Scans that read a table from end to end.
    whole: Sequence[str] = ()


Measured = dict[str, Found]


def measure(database: Database, repeat: int) -> Measured:
    """Every search, so many pages of each."""
    clock, finding, found = Clock(database), Finding(database), {}
    for name, q in SEARCHES.items():
        expression = parse(q, datetime.now(UTC))
        walls, cpus = [], []
        first = finding.page(expression, limit=LIMIT)
        before = first.before
        for turn in range(repeat):
            # Every other time a page further down.
            start, cpu = time.perf_counter(), clock.now_ms()
            page = finding.page(expression, limit=LIMIT, before=before if turn % 2 else None)
            cpus.append(clock.now_ms() - cpu)
            walls.append((time.perf_counter() - start) * 1000)
            if turn % 2:
                before = page.before
        wall, used = statistics.quantiles(walls, n=20), statistics.quantiles(cpus, n=20)
        whole = _whole(database, finding, expression) if database.is_postgresql else ()
        found[name] = Found(wall[9], wall[18], used[18], len(first.tasks), first.searched_to is not None, whole)
    return found


def _whole(database: Database, finding: Finding, expression: Expression) -> list[str]:
    """The tables, not empty ones, that PostgreSQL reads from end to end for a page."""
    with database.read() as connection:
        statement = finding.statement(finding.walk(connection, expression), LIMIT + 1, ())
        event.listen(connection, "before_cursor_execute", _as_explain, retval=True)
        (plan,) = connection.execute(statement).scalars().all()
    return [scan["Relation Name"] for scan in _scans(plan[0]["Plan"]) if _rows_read(scan)]


def _as_explain(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
    return f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters


def _scans(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if node["Node Type"] == "Seq Scan":
        yield node
    for inner in node.get("Plans", []):
        yield from _scans(inner)


def _rows_read(scan: dict[str, Any]) -> int:
    read: int = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0)
    return read


def report_of(sizes: tuple[int, int, int], small: Measured, large: Measured, sqlite: Measured, facts: Facts) -> Report:
    """The times, and the bars."""
    few, many, few_sqlite = (f"{size:,}" for size in sizes)
    ratios = {name: large[name].p95_ms / small[name].p95_ms for name in SEARCHES}
    slowest, slowest_sqlite = (max(of, key=lambda name: of[name].p95_ms) for of in (large, sqlite))
    grown = max(ratios, key=lambda name: ratios[name])
    whole = sorted(name for name in SEARCHES if large[name].whole)
    return Report(
        name="listing",
        title=f"Lists and searches: a page of {LIMIT} tasks out of {many}",
        columns=(
            "",
            f"{few} rows, p95 ms",
            f"{many} rows, p50 ms",
            "p95 ms",
            "of that CPU",
            "p95 ÷ p95",
            f"SQLite, {few_sqlite} rows, p95 ms",
            "found",
        ),
        rows=[
            (
                name,
                f"{small[name].p95_ms:.1f}",
                f"{large[name].p50_ms:.1f}",
                f"{large[name].p95_ms:.1f}",
                f"{large[name].cpu_p95_ms:.1f}",
                f"{ratios[name]:.1f}",
                f"{sqlite[name].p95_ms:.1f}",
                f"{large[name].number}{' (window)' if large[name].short else ''}",
            )
            for name in SEARCHES
        ],
        bars=[
            Bar(
                f"p95 at most 30 ms at {many} rows on PostgreSQL",
                f"{large[slowest].p95_ms:.1f} ms ({slowest})",
                large[slowest].p95_ms <= 30,
            ),
            Bar(f"p95 at most twice what it is at {few}", f"{ratios[grown]:.1f} times ({grown})", ratios[grown] <= 2),
            Bar("every plan an index scan", f"all but {', '.join(whole)}" if whole else "all", not whole),
            Bar(
                f"p95 at most 60 ms at {few_sqlite} rows on SQLite",
                f"{sqlite[slowest_sqlite].p95_ms:.1f} ms ({slowest_sqlite})",
                sqlite[slowest_sqlite].p95_ms <= 60,
            ),
        ],
        facts=facts,
        notes=["*window*: the page ended because enough rows were looked at, and says how far back that was."],
        data={"postgresql": {few: _plain(small), many: _plain(large)}, "sqlite": {few_sqlite: _plain(sqlite)}},
    )


def _plain(measured: Measured) -> dict[str, Any]:
    return {name: asdict(found) for name, found in measured.items()}


def measured_in(database: Database, count: int, repeat: int) -> Measured:
    """Fill the database, and measure."""
    upgrade(database)
    fill(database, count)
    try:
        return measure(database, repeat)
    finally:
        database.close()


def main() -> int:
    """Measure once, in databases of each size."""
    options = report.arguments(__doc__)
    sizes, repeat = ((2000, 20_000, 2000), 4) if options.quick else ((10_000, 1_000_000, 200_000), 40)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        sqlite = measured_in(Database(f"sqlite:///{folder}/tasks.db", durable=False), sizes[2], repeat)
        with PostgreSQL(Path(folder) / "postgresql") as server:
            facts = report.facts_of_database(server.url)
            small, large = (
                measured_in(Database(server.create_database(f"tasks_{size}"), durable=False), size, repeat)
                for size in sizes[:2]
            )
    report_of(sizes, small, large, sqlite, facts).write(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
