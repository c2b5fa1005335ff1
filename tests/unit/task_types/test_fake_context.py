from pathlib import Path

import pytest

from task_system import Cancelled
from task_system.testing import FakeContext, ProgressReport


def test_progress_is_remembered(tmp_path: Path) -> None:
    ctx = FakeContext(tmp_path)
    ctx.progress(0)
    ctx.progress(50, "half", rows=3)
    assert ctx.percents == [0, 50]
    assert ctx.reports[1] == ProgressReport(50, "half", {"rows": 3})


@pytest.mark.parametrize("percent", [-0.1, 100.1, float("nan")])
def test_a_percentage_out_of_range_is_a_mistake(tmp_path: Path, percent: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 100"):
        FakeContext(tmp_path).progress(percent)


def test_a_cancel_is_seen_at_the_next_look(tmp_path: Path) -> None:
    ctx = FakeContext(tmp_path)
    ctx.check_cancelled()
    ctx.cancel()
    with pytest.raises(Cancelled):
        ctx.check_cancelled()
    with pytest.raises(Cancelled):
        ctx.progress(1)


def test_a_cancel_after_some_looks(tmp_path: Path) -> None:
    ctx = FakeContext(tmp_path, cancel_after=2)
    ctx.check_cancelled()
    ctx.progress(1)
    with pytest.raises(Cancelled):
        ctx.check_cancelled()


def test_resources_are_found_by_class(tmp_path: Path) -> None:
    ctx = FakeContext(tmp_path, resources={int: 7})
    assert ctx.resource(int) == 7
    with pytest.raises(LookupError, match="str"):
        ctx.resource(str)


def test_two_attempts_of_one_task_differ_in_their_lease(tmp_path: Path) -> None:
    first = FakeContext(tmp_path)
    second = FakeContext(tmp_path, task_id=first.task_id, attempt=2)
    assert second.task_id == first.task_id
    assert second.lease_token != first.lease_token


def test_what_is_logged_is_remembered(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ctx, other = FakeContext(tmp_path), FakeContext(tmp_path)
    ctx.log.warning("%d rows are broken", 3)
    ctx.log.debug("too quiet")
    ctx.log.info("done")
    assert ctx.logged == [("WARNING", "3 rows are broken"), ("INFO", "done")]
    assert other.logged == []
    assert "3 rows are broken" in caplog.text
