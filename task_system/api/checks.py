"""What must be well for a task to be accepted and done. Each check returns facts, or raises with what is wrong."""

import time
from collections.abc import Callable

from task_system.broker.inspection import Inspector
from task_system.broker.results import Results
from task_system.model.errors import NotReady
from task_system.store import Database, schema
from task_system.store.workers import Workers

#: Answers facts, and raises TaskSystemError when something is not well.
Check = Callable[[], dict[str, object]]


def checks(
    *,
    database: Database,
    inspector: Inspector,
    results: Results | None,
    workers: Workers,
    lanes: set[str],
    alive_s: float,
) -> dict[str, Check]:
    """All checks, by name, in the order in which they are shown. Redis is checked where it is configured."""
    return {
        "database": lambda: _timed(database.ping),
        "migrations": lambda: _migrations(database),
        "broker": lambda: _timed(inspector.ping),
        **({"redis": lambda: _timed(results.ping)} if results else {}),
        "workers": lambda: _workers(workers, lanes, alive_s),
        "keeper": lambda: _keeper(workers, alive_s),
    }


def _timed(ping: Callable[[], None]) -> dict[str, object]:
    started = time.monotonic()
    ping()
    return {"latency_ms": round((time.monotonic() - started) * 1000, 2)}


def _migrations(database: Database) -> dict[str, object]:
    """A newer schema is well: each migration leaves the code before it working, until that is replaced."""
    revision = schema.revision_of(database)
    if revision is None or revision < schema.REVISION:
        raise NotReady(
            f"the database is at revision {revision}, this code needs {schema.REVISION}: run `taskq migrate`"
        )
    return {"revision": revision}


def _workers(workers: Workers, lanes: set[str], alive_s: float) -> dict[str, object]:
    alive = [seen for seen in workers.alive(alive_s) if seen.role == "worker"]
    by_lane = {lane: sum(lane in seen.lanes for seen in alive) for lane in sorted(lanes)}
    without = [lane for lane, count in by_lane.items() if not count]
    if without:
        raise NotReady(f"no live worker for {', '.join(without)}: start one with `taskq worker {' '.join(without)}`")
    return {"lanes": by_lane}


def _keeper(workers: Workers, alive_s: float) -> dict[str, object]:
    keepers = [seen.name for seen in workers.alive(alive_s) if seen.role == "keeper"]
    if not keepers:
        raise NotReady("no live keeper, so nothing waits, retries or is rescued: start one with `taskq keeper`")
    return {"keepers": keepers}
