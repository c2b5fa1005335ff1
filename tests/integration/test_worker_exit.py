"""How a worker's process ends, as a supervisor sees it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import signal, sys, threading
from task_system.cli.main import main
from task_system.worker import celery_app

def start(_heartbeat):
    if {kind!r} == "error":
        raise RuntimeError("broken on purpose")
    threading.Timer(0.2, lambda: signal.raise_signal(signal.SIGTERM)).start()

celery_app.Heartbeat.start = start
sys.argv = ["taskq", "worker", "default"]
main()
"""


@pytest.mark.parametrize(("kind", "status"), [("error", 1), ("stopped", 0)])
def test_an_error_is_told_from_a_stop(sqlite_url: str, tmp_path: Path, kind: str, status: int) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": sqlite_url,
        "BROKER_URL": "amqp://guest:guest@127.0.0.1:1",
        "REDIS_URL": "",
        "DATA_DIR": str(tmp_path),
        "WORKER_POOL": "threads",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(kind=kind)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == status, done.stderr
    assert ("broken on purpose" in done.stderr + done.stdout) == (kind == "error")
