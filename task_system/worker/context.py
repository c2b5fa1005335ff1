"""The Context that handlers get from a worker."""

import logging
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast
from uuid import UUID

import orjson

from task_system.dispatch.filing import Filing
from task_system.dispatch.nesting import TOO_DEEP, is_too_deep
from task_system.model.errors import StoreUnavailable
from task_system.model.text import storable, storable_json
from task_system.registry import Cancelled, Context, CreatedFile, FileInfo
from task_system.store.leases import Leases
from task_system.worker.files import AttemptFiles

#: The store is asked or told at most this often by one attempt, in seconds.
EVERY_S = 0.5
#: A longer message of progress is cut in the middle.
LONGEST_MESSAGE = 1_000
R = TypeVar("R")
_log = logging.getLogger(__name__)


class WorkerContext(Context):
    """One attempt in a worker. Progress and cancels go through the store, fenced by the lease."""

    def __init__(
        self,
        *,
        task_id: UUID,
        task_type: str,
        attempt: int,
        max_attempts: int,
        lease_token: UUID,
        data_dir: Path,
        leases: Leases,
        resources: dict[type, object],
        filing: Filing,
    ) -> None:
        self.task_id = task_id
        self.task_type = task_type
        self.attempt = attempt
        self.max_attempts = max_attempts
        self.lease_token = lease_token
        self.data_dir = data_dir
        self.log = logging.getLogger(f"task.{task_type}")
        self._leases = leases
        self._resources = resources
        self.files = AttemptFiles(filing, task_id, attempt, self.check_cancelled)
        self._next_progress = 0.0
        self._next_check = 0.0
        #: What was last said, stored or not: percent, message, fields.
        self.said: tuple[float, str, dict[str, Any] | None] | None = None

    def progress(self, percent: float, message: str = "", **fields: Any) -> None:
        percent = min(100.0, max(0.0, float(percent)))
        # What is no JSON is the handler's mistake, and is raised here.
        encoded = storable_json(orjson.dumps(fields))
        if is_too_deep(encoded, fields):
            raise ValueError(f"what is said of the progress {TOO_DEEP}")
        fields = orjson.loads(encoded)
        self.said = (percent, storable(message, LONGEST_MESSAGE), fields or None)
        now = time.monotonic()
        if now >= self._next_progress:
            self._next_progress = self._next_check = now + EVERY_S
            self._ask(self._leases.progress, *self.said)

    def check_cancelled(self) -> None:
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + EVERY_S
            self._ask(self._leases.cancel_requested)

    def file_info(self, file_id: UUID) -> FileInfo:
        return self.files.info(file_id)

    def open_file(self, file_id: UUID) -> AbstractContextManager[BinaryIO]:
        return self.files.open(file_id)

    def local_path(self, file_id: UUID) -> Path:
        return self.files.local_path(file_id)

    def create_file(self, name: str) -> AbstractContextManager[CreatedFile]:
        return self.files.create(name)

    def resource(self, kind: type[R]) -> R:
        try:
            return cast("R", self._resources[kind])
        except KeyError:
            raise LookupError(f"this process was wired without a {kind.__name__}") from None

    def cancel_was_requested(self) -> bool:
        """Whether a cancel is what stopped this attempt."""
        try:
            return self._leases.cancel_requested(self.task_id, self.lease_token)
        except (LookupError, StoreUnavailable):
            return False

    def _ask(self, question: Any, *facts: Any) -> None:
        try:
            cancelled = question(self.task_id, self.lease_token, *facts)
        except StoreUnavailable:
            # Progress is a courtesy: the attempt goes on, and its end is what matters.
            _log.warning("progress of task %s could not be stored", self.task_id)
        except LookupError:
            raise Cancelled("the lease of this attempt was lost; another worker may run the task") from None
        else:
            if cancelled:
                raise Cancelled
