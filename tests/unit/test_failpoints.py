"""Failpoints: nothing without FAILPOINTS, and with it what the files in its folder say."""

import ast
import os
import signal
import subprocess
import sys
import time
import timeit
from collections.abc import Iterator
from pathlib import Path

import pytest

from task_system import failpoints
from task_system.failpoints import POINTS, failpoint

ROOT = Path(__file__).resolve().parents[2]
POINT = "web.committed"


def strings(path: Path) -> Iterator[str]:
    """Every text in a module's code."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def passing(folder: Path, times: int = 1) -> subprocess.Popen[bytes]:
    """A process that comes by, so many times, and says so each time."""
    step = f"print(failpoint({POINT!r}), flush=True)"
    program = f"from task_system.failpoints import failpoint\nfor _ in range({times}):\n    {step}"
    environment = os.environ | {"FAILPOINTS": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-c", program],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_each_point_is_in_the_code_once() -> None:
    own = ROOT / "task_system" / "failpoints.py"
    modules = [path for path in (ROOT / "task_system").rglob("*.py") if path != own]
    found = sorted(text for path in modules for text in strings(path) if text in POINTS)
    assert found == sorted(POINTS)


def test_each_point_is_armed_by_a_test() -> None:
    tests = [path for room in ("chaos", "browser") for path in (ROOT / "tests" / room).glob("test_*.py")]
    assert set(POINTS) <= {text for path in tests for text in strings(path)}


def test_without_the_variable_it_is_a_function_that_does_nothing() -> None:
    assert failpoint is failpoints._off
    # A call of a Python function; a batch makes five of them, and takes a hundred thousand times as long.
    cost_s = min(timeit.repeat(lambda: failpoint("web.committed"), number=10_000, repeat=5)) / 10_000
    assert cost_s < 5e-6


@pytest.mark.parametrize(("what", "status"), [("kill", -signal.SIGKILL), ("exit 7", 7), ("raise", 1), ("dance", 1)])
def test_what_ends_a_process(tmp_path: Path, what: str, status: int) -> None:
    (tmp_path / POINT).write_text(what)
    process = passing(tmp_path)
    _, said = process.communicate(timeout=30)
    assert process.returncode == status, said
    assert (b"FailpointReached" in said) == (what == "raise")
    assert (b"none of kill, exit" in said) == (what == "dance")
    assert (tmp_path / f"{POINT}.hit").exists()


def test_a_file_is_one_fault_for_the_nth_pass_and_once(tmp_path: Path) -> None:
    (tmp_path / POINT).write_text("sleep 0.5 @3")
    started = time.monotonic()
    process = passing(tmp_path, times=10)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert time.monotonic() - started >= 0.5
    assert said.count(b"None") == 10
    assert not (tmp_path / POINT).exists()


def test_a_barrier_waits_for_its_file(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    (tmp_path / POINT).write_text(f"barrier {gate} @2")
    process = passing(tmp_path, times=2)
    assert process.stdout
    assert process.stdout.readline() == b"None\n"
    assert process.poll() is None
    gate.touch()
    said, _ = process.communicate(timeout=30)
    assert said == b"None\n"


def test_an_unknown_name_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failpoints, "_folder", str(tmp_path))
    with pytest.raises(ValueError, match=r"web\.comitted"):
        failpoints._on("web.comitted")
