"""A batch of 10,000 tasks: how long until it is accepted, which is when all of it is on disk.

python -m benchmarks.batch [--quick] [--json FILE] [--markdown docs/performance.md]
"""

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson
import psycopg
import requests

from benchmarks import report
from benchmarks.contenders import SERVICE_WEB
from benchmarks.report import Bar, Report
from benchmarks.running import Stand, stand

_MOST_S = 1.5
_JSON = "application/json"
_NDJSON = "application/x-ndjson"


@dataclass(frozen=True)
class Accepted:
    """Batches of one form."""

    form: str
    tasks: int
    #: From the first byte sent to the last one of the answer, of each batch.
    took_s: Sequence[float]
    #: Rows in the database when the last answer was there.
    rows: int


def measure(place: Stand, count: int, rounds: int) -> list[Accepted]:
    """So many batches of each form, one after another; the first of all warms the process up and is left out."""
    task = {"task_type": "noop", "parameters": {}, "tags": ["nightly"]}
    bodies = {
        _JSON: orjson.dumps({"tasks": [task] * count}),
        _NDJSON: (orjson.dumps(task) + b"\n") * count,
    }
    with place.running(SERVICE_WEB) as web, requests.Session() as session:
        url = f"{web.base_url}/api/tasks/batch"
        _post(session, url, bodies[_JSON], _JSON)
        return [
            Accepted(form, count, [_post(session, url, body, form) for _ in range(rounds)], _rows(place, count))
            for form, body in bodies.items()
        ]


def _post(session: requests.Session, url: str, body: bytes, form: str) -> float:
    began = time.perf_counter()
    session.post(url, data=body, headers={"Content-Type": form}, timeout=60).raise_for_status()
    return time.perf_counter() - began


def _rows(place: Stand, count: int) -> int:
    with psycopg.connect(place.servers.postgresql.url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM tasks WHERE batch_id = (SELECT id FROM batches ORDER BY id DESC LIMIT 1)"
        ).fetchone()
    assert row is not None
    if row[0] != count:
        raise AssertionError(f"{row[0]} rows of {count}")
    return int(row[0])


def report_of(accepted: Sequence[Accepted], facts: dict[str, str]) -> Report:
    """The times, and the bar."""
    slowest_s = max(statistics.median(one.took_s) for one in accepted)
    return Report(
        name="batch",
        title=f"Batches: {accepted[0].tasks:,} tasks in one request, all on disk when it is answered",
        columns=("", "median s", "longest s", "tasks/s"),
        rows=[
            (
                one.form,
                f"{statistics.median(one.took_s):.2f}",
                f"{max(one.took_s):.2f}",
                f"{one.tasks / statistics.median(one.took_s):,.0f}",
            )
            for one in accepted
        ],
        bars=[Bar(f"accepted within {_MOST_S} s", f"{slowest_s:.2f} s", slowest_s <= _MOST_S)],
        facts=facts,
        data={"accepted": [asdict(one) for one in accepted]},
    )


def main() -> int:
    """Measure once."""
    options = report.arguments(__doc__)
    count, rounds = (1000, 2) if options.quick else (10_000, 7)
    with stand() as place:
        facts = report.facts(place)
        place.migrate()
        accepted = measure(place, count, rounds)
    report_of(accepted, facts).write(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
