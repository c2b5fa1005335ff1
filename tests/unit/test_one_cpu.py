"""A process stays on one CPU, and goes where there is more room."""

import os
import subprocess
import sys

import pytest

from task_system.wiring.one_cpu import better, stay_on_one_cpu

BEFORE = {0: 10.0, 1: 20.0, 2: 30.0}


def test_who_has_its_cpu_to_itself_stays() -> None:
    assert better(0, 9.0, BEFORE, {0: 19.5, 1: 20.0, 2: 30.0}, 10.0) == 0


def test_who_shares_its_cpu_goes_to_the_freest() -> None:
    assert better(0, 5.0, BEFORE, {0: 20.0, 1: 24.0, 2: 31.0}, 10.0) == 2


def test_where_all_are_busy_nobody_moves() -> None:
    assert better(1, 3.0, BEFORE, {0: 18.0, 1: 30.0, 2: 39.0}, 10.0) == 1


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system does not let processes choose CPUs")
def test_threads_of_before_and_after_are_on_the_same_cpu() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("this machine lets us use one CPU only")
    code = (
        "import os, threading\n"
        "from task_system.wiring.one_cpu import stay_on_one_cpu\n"
        "go, seen = threading.Event(), []\n"
        "look = lambda: (go.wait(), seen.append(os.sched_getaffinity(0)))\n"
        "before = threading.Thread(target=look); before.start()\n"
        "stay_on_one_cpu()\n"
        "after = threading.Thread(target=look); after.start()\n"
        "go.set(); before.join(); after.join()\n"
        "print(len(seen), len(seen[0]), seen[0] == seen[1] == os.sched_getaffinity(0))\n"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=30).stdout
    assert said.split() == ["2", "1", "True"]
    assert len(os.sched_getaffinity(0)) > 1


def test_who_may_not_choose_goes_on(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(_thread: int, _cpus: set[int]) -> None:
        raise PermissionError("not here")

    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: {0, 1}, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", refuse, raising=False)
    stay_on_one_cpu()
    assert "not here" in caplog.text
