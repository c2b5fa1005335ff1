"""A private S3 server on loopback, for tests."""

import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from task_system.testing.servers import Process
from task_system.testing.servers.ports import HOST, free_port

BUCKET = "task-files"
START_S = 60.0


class S3Server:
    """Starts with one empty bucket, and forgets everything when it stops."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.endpoint = f"http://{HOST}:{self.port}"
        #: As of the settings.
        self.environment = {
            "FILES_URL": f"s3://{BUCKET}/tests",
            "S3_ENDPOINT": self.endpoint,
            "S3_REGION": "us-east-1",
            "S3_ACCESS_KEY_ID": "test",
            "S3_SECRET_ACCESS_KEY": "test",
        }
        command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", HOST, "-p", str(self.port)]
        self._process = Process(command, log=folder / "s3.log", environment=dict(os.environ))

    def start(self) -> None:
        """Return once it answers."""
        self._process.start()
        deadline = time.monotonic() + START_S
        while not self._made_bucket():
            assert self._process.running, self._process.tail()
            assert time.monotonic() < deadline, self._process.tail()
            time.sleep(0.05)

    def stop(self) -> None:
        """End it."""
        self._process.kill()

    def _made_bucket(self) -> bool:
        request = urllib.request.Request(f"{self.endpoint}/{BUCKET}", method="PUT")
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False
