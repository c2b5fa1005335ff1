"""A file that says when this process was last heard of: what looks after it need not ask the database."""

import logging
import os
from pathlib import Path

_log = logging.getLogger(__name__)


class HeartbeatFile:
    """Its time is that of the last heartbeat which the database took; in it stands how long that is good for.

    lease_s: others take the tasks of a worker that was not heard of for so long, in seconds.
    """

    def __init__(self, path: Path, lease_s: float) -> None:
        self._path = path
        self._lease_s = lease_s

    def touch(self) -> None:
        """The database took one now."""
        try:
            try:
                os.utime(self._path)
            except FileNotFoundError:
                self._path.write_text(f"{self._lease_s:g}\n")
        except OSError as error:
            _log.warning("HEARTBEAT_FILE cannot be written: %s", error)
