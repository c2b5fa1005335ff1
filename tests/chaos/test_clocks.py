"""Clocks that are wrong, differ, and jump: only the database's counts."""

import time
from pathlib import Path

import pytest

from tests.chaos.harness.row import Steps, row
from tests.chaos.harness.system import LANES, System

CLOCKS = "Clocks of hosts may differ and jump: leases, delays and schedules go by the database's."
_LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
COMMANDS = {"web": ("web",), "worker": ("worker", *LANES), "keeper": ("keeper",)}


def faked(system: System, name: str, clock: Path) -> None:
    """Replace a process by one whose wall clock is what that file says."""
    environment = {
        "LD_PRELOAD": str(_LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    system.replace(name, system.process(name, "task_system", *COMMANDS[name], **environment))
    system.wait_until_ready()


@pytest.mark.parametrize("name", COMMANDS)
@row(
    "F21",
    "the {name}'s clock is 10 min ahead, jumps back an hour, and a year ahead",
    promise=CLOCKS,
    refuses=True,
    during_s=9,
    before_s=0.0,
)
def test_a_wrong_clock(system: System, name: str, tmp_path_factory: pytest.TempPathFactory) -> Steps:
    if not _LIBRARIES:
        pytest.skip("libfaketime is not installed (apt-get install faketime)")
    clock = tmp_path_factory.mktemp("clock") / "now"
    clock.write_text("+10m\n")
    faked(system, name, clock)
    time.sleep(3)
    clock.write_text("-1h\n")
    time.sleep(3)
    clock.write_text("+1y\n")
    yield
    system.replace(name, system.process(name, "task_system", *COMMANDS[name]))
    system.wait_until_ready()
