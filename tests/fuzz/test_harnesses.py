"""Each harness runs, for a moment; `make fuzz` runs them for long."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("harnesses.py")
#: Of test_harnesses, not of `make fuzz`.
RUNS = 300

pytest.importorskip("atheris", reason="atheris is there for Linux alone")


@pytest.mark.parametrize("name", re.findall(r"(?m)^def (\w+)\(data", PROGRAM.read_text()))
def test_a_harness_finds_nothing_at_first_sight(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, name, f"-runs={RUNS}", "-seed=1", "-timeout=60", "-max_len=400"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {RUNS} runs" in done.stderr
