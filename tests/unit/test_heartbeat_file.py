"""The file that a container's health check looks at."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from task_system.telemetry.heartbeat_file import HeartbeatFile

ROOT = Path(__file__).parents[2]
LEASE_S = 30.0


def check(path: Path) -> tuple[int, str]:
    """What a container would be told."""
    command = [sys.executable, "-IS", ROOT / "docker" / "at_work.py", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_process_that_was_heard_of_is_at_work(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat"
    assert check(path) == (1, "the database took no heartbeat yet\n")
    file = HeartbeatFile(path, LEASE_S)
    file.touch()
    assert check(path)[0] == 0
    old = time.time() - LEASE_S
    os.utime(path, (old, old))
    assert check(path)[0] == 1
    file.touch()
    assert check(path)[0] == 0


def test_a_file_that_cannot_be_written_ends_no_heartbeat(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    HeartbeatFile(tmp_path / "nowhere" / "heartbeat", LEASE_S).touch()
    assert "HEARTBEAT_FILE" in caplog.text
