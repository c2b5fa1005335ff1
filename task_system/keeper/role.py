"""What every role of the keeper is, and how it is run."""

import logging
import threading
from typing import Protocol

from task_system.model.errors import TaskSystemError
from task_system.model.events import Events

_log = logging.getLogger(__name__)


class Role(Protocol):
    """One job to look after."""

    name: str
    #: Pause between two looks when there was nothing more to do, in seconds.
    every_s: float

    def run_once(self) -> bool:
        """Look once; answers whether there is more to do at once. Raises TaskSystemError when it cannot."""


class RoleLoop:
    """Runs a role in a thread until told to stop. What it raises is logged, and tried again."""

    def __init__(self, role: Role, events: Events) -> None:
        self._role = role
        self._events = events
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=role.name, daemon=True)
        self._failing = False

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current look."""
        self._stopping.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            if not self._look():
                self._stopping.wait(self._role.every_s)

    def _look(self) -> bool:
        try:
            more = self._role.run_once()
        except TaskSystemError as error:
            self._failed(f"{error.detail} ({error.__cause__})")
            return False
        except Exception as error:  # noqa: BLE001 - a role that stops for good would be a promise broken in silence
            _log.exception("the %s failed", self._role.name)
            self._failed(repr(error))
            return False
        self._failing = False
        return more

    def _failed(self, why: str) -> None:
        self._events.emit("keeper.role_failed", role=self._role.name, error=why)
        if not self._failing:
            _log.warning("the %s cannot work now: %s", self._role.name, why)
        self._failing = True
