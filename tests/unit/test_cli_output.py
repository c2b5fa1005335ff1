"""What commands print where no terminal is."""

import subprocess
import sys
from pathlib import Path

import pytest

from task_system.cli.output import as_facts, as_table


def test_lines_end_where_their_text_ends(capsys: pytest.CaptureFixture[str]) -> None:
    as_table([{"name": "a"}], [("NAME", lambda one: one["name"], {}), ("MADE BY", lambda _: "", {})], nothing="none")
    as_facts([("state", "success")])
    assert capsys.readouterr().out.splitlines() == ["NAME  MADE BY", "a", "state  success"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to be had here")
def test_a_full_disk_is_said_in_a_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "task_system", "completion", "bash"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "No space left" in done.stderr
