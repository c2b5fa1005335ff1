"""The failure matrix. Rows marked `every_change` are part of every test run; `make chaos` runs all (CHAOS=all)."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from task_system.testing.servers import ServerMissing
from tests.chaos.harness.guarantees import passed
from tests.chaos.harness.report import RESULTS, rabbitmq_version
from tests.chaos.harness.system import System, running_system

ALL = os.environ.get("CHAOS") == "all"
#: Run what passed before, too.
AGAIN = os.environ.get("CHAOS_AGAIN") == "1"
#: When the whole run must be over, as time.time().
UNTIL = float(os.environ.get("CHAOS_UNTIL", "inf"))
#: What a row may take, its fixtures aside, in seconds.
ROW_S = 90.0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the rows that are not for every change, unless all are asked for; and then those that passed before."""
    rows = [item for item in items if item.get_closest_marker("chaos_row")]
    left_out: list[pytest.Item] = []
    if not ALL:
        left_out = [item for item in rows if not item.get_closest_marker("every_change")]
    elif not AGAIN and (path := os.environ.get(RESULTS)):
        before = passed(Path(path), rabbitmq_version())
        left_out = [item for item in rows if item.nodeid in before]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The service under test, behind its proxies."""
    try:
        with running_system(tmp_path_factory.mktemp("chaos")) as running:
            yield running
    except ServerMissing as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def _in_time(request: pytest.FixtureRequest) -> None:
    """A row is not begun when the run's time is over."""
    if time.time() + ROW_S > UNTIL and request.node.get_closest_marker("chaos_row"):
        pytest.skip("no time left in this run")
