"""Statistics and the ledger over HTTP, the same in both modes."""

from collections.abc import Callable

import pytest

from tests.integration.service import Json, Service, wait_until
from tests.integration.test_api import invalid

WINDOWS = {"15m": 60, "1h": 60, "24h": 600, "7d": 3600}


def stats(service: Service, window: str = "15m") -> Json:
    answer = service.get(f"/api/stats?window={window}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def of_type(found: Json, task_type: str) -> Json:
    rows: list[Json] = [row for row in found["by_type"] if row["task_type"] == task_type]
    return rows[0] if rows else {}


def counted(service: Service, holds: Callable[[Json], bool]) -> Json:
    """The statistics, once the books have come so far."""
    found: Json = wait_until(lambda: [one for one in [stats(service)] if holds(one)], 20, lambda: stats(service))[0]
    return found


def test_what_happens_is_counted(service: Service) -> None:
    def uncounted(one: Json) -> int:
        """How many more have ended than are counted; others' may end meanwhile, too."""
        [(ended,)] = service.rows("SELECT count(*) FROM tasks WHERE task_type = 'test_noop' AND state = 'SUCCESS'")
        return int(ended) - int(of_type(one, "test_noop").get("succeeded", 0))

    before = stats(service)
    late = uncounted(before)
    for _ in range(3):
        service.run("test_noop")
    found = counted(service, lambda one: uncounted(one) <= late)
    row = of_type(found, "test_noop")
    assert row["succeeded"] >= of_type(before, "test_noop").get("succeeded", 0) + 3
    assert row["run_ms"]["p50"] <= row["run_ms"]["p95"] <= row["run_ms"]["p99"]
    assert row["wait_ms"]["p50"] is not None
    assert found["totals"]["accepted"] == sum(one["accepted"] for one in found["series"])
    for name in ("by_type", "by_queue", "by_lane"):
        assert sum(one["succeeded"] for one in found[name]) == found["totals"]["succeeded"]
    assert found["rate_per_min"]["accepted"] > 0
    assert 0 < found["success_rate"] <= 1


@pytest.mark.parametrize("window", WINDOWS)
def test_every_window_has_its_steps(service: Service, window: str) -> None:
    found = stats(service, window)
    assert (found["window"], found["step_s"]) == (window, WINDOWS[window])
    assert len(found["series"]) <= 170
    assert found["from"] <= found["series"][0]["at"] < found["to"]


def test_what_is_live_is_counted_now(service: Service) -> None:
    # What others have left may become due meanwhile.
    for _ in range(3):
        before = stats(service)["now"]
        service.submit("test_noop", delay=3600)
        after = counted(service, lambda one, since=before["as_of"]: one["now"]["as_of"] > since)["now"]
        if after["scheduled"] == before["scheduled"] + 1:
            return
    pytest.fail(f"not one more was scheduled: {before}, {after}")


def test_the_ledger_balances(service: Service) -> None:
    service.run("test_noop")
    service.run("test_fail")
    service.submit("test_noop", delay=3600)
    answer = service.get("/api/ledger?window=1h")
    assert answer.status_code == 200, answer.text
    ledger = answer.json()
    assert ledger["discrepancies"] == []
    assert ledger["balanced"]
    for sums in (ledger, *ledger["minutes"]):
        over = sum(sums[name] for name in ("succeeded", "failed", "cancelled", "expired"))
        assert sums["accepted"] == over + sums["live"] + sums["removed"]


@pytest.mark.parametrize("path", ["stats", "ledger"])
def test_what_is_no_window_is_refused(service: Service, path: str) -> None:
    assert invalid(service.get(f"/api/{path}?window=2h")).keys() == {"window"}
