"""A `Context` that stands alone: it remembers what the handler said and answers what the test told it to."""

import hashlib
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast
from uuid import UUID, uuid4

from task_system.model.file import plain_name
from task_system.model.ids import new_id
from task_system.registry import Cancelled, Context, CreatedFile, Fail, FileInfo

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """One call of `ctx.progress()`."""

    percent: float
    message: str
    fields: dict[str, Any]


class FakeContext(Context):
    """One attempt of a task that no worker runs.

    data_dir: the folder that the handler may write to, usually pytest's `tmp_path`.
    task_id: give the same one twice to play a repeated attempt; without it a new one.
    attempt, max_attempts: which attempt this is, and of how many.
    resources: what `ctx.resource(kind)` finds, by class; what is not in it raises LookupError.
    cancel_after: the handler is told of a cancel once it has looked this many times (each `progress()` and each
        `check_cancelled()` is a look); None for never.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        task_type: str = "test",
        task_id: UUID | None = None,
        attempt: int = 1,
        max_attempts: int = 5,
        resources: Mapping[type[Any], object] | None = None,
        cancel_after: int | None = None,
    ) -> None:
        self.task_id = task_id or new_id()
        self.task_type = task_type
        self.attempt = attempt
        self.max_attempts = max_attempts
        self.lease_token = uuid4()
        self.data_dir = data_dir
        #: What the handler said to `ctx.log`, in order: level and message. As a worker, it keeps INFO and louder.
        self.logged: list[tuple[str, str]] = []
        self.log = _logger(f"task.{task_type}", self.logged)
        #: Every progress call, in order.
        self.reports: list[ProgressReport] = []
        #: How often the handler looked whether a cancel was requested.
        self.looks = 0
        #: What the handler made, by id, in order.
        self.created: dict[UUID, FileInfo] = {}
        self._files: dict[UUID, FileInfo] = {}
        self._files_dir = data_dir / "blobs"
        self._resources = dict(resources or {})
        self._cancel_after = cancel_after

    @property
    def percents(self) -> list[float]:
        """The percentages that were reported, in order."""
        return [report.percent for report in self.reports]

    def cancel(self) -> None:
        """Request a cancel: the handler's next look raises `Cancelled`."""
        self._cancel_after = self.looks

    def progress(self, percent: float, message: str = "", **fields: Any) -> None:
        """Remember the report. Raises ValueError for a percentage that is not from 0 to 100, so that a test sees it."""
        if not 0 <= percent <= 100:
            raise ValueError(f"progress must be from 0 to 100 percent, not {percent}")
        self.reports.append(ProgressReport(percent, message, fields))
        self.check_cancelled()

    def check_cancelled(self) -> None:
        """Raise `Cancelled` when `cancel()` was called or `cancel_after` looks have passed."""
        if self._cancel_after is not None and self.looks >= self._cancel_after:
            raise Cancelled("cancelled by the test")
        self.looks += 1

    def add_file(self, name: str, content: bytes) -> UUID:
        """A file that the handler can be told of by its id."""
        with self.create_file(name) as made:
            made.stream.write(content)
        del self.created[made.file_id]
        return made.file_id

    def file_info(self, file_id: UUID) -> FileInfo:
        """What is known of a file that was added or created. Raises Fail when there is none."""
        try:
            return self._files[file_id]
        except KeyError:
            raise Fail(f"There is no file `{file_id}`") from None

    @contextmanager
    def open_file(self, file_id: UUID) -> Iterator[BinaryIO]:
        """Open a file that was added or created."""
        with self.local_path(file_id).open("rb") as stream:
            yield stream

    def local_path(self, file_id: UUID) -> Path:
        """Where a file is that was added or created."""
        return self._files_dir / str(file_id) / self.file_info(file_id).name

    @contextmanager
    def create_file(self, name: str) -> Iterator[CreatedFile]:
        """Make a file; `created` knows it when the block has ended without an error."""
        file_id, plain = new_id(), plain_name(name)
        path = self._files_dir / str(file_id) / plain
        path.parent.mkdir(parents=True)
        try:
            with path.open("wb") as stream:
                yield CreatedFile(file_id=file_id, name=plain, stream=stream)
        except BaseException:
            shutil.rmtree(path.parent)
            raise
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        info = FileInfo(
            file_id=file_id, name=plain, size=len(content), sha256=digest, content_type="application/octet-stream"
        )
        self._files[file_id] = self.created[file_id] = info

    def resource(self, kind: type[R]) -> R:
        """What `resources` holds for the class. Raises LookupError that names the class."""
        try:
            return cast("R", self._resources[kind])
        except KeyError:
            raise LookupError(f"The test's context was made without a {kind.__name__}: pass resources=") from None


def _logger(name: str, logged: list[tuple[str, str]]) -> logging.Logger:
    """A logger of one context alone; the root hears it too."""

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logged.append((record.levelname, record.getMessage()))

    logger = logging.Logger(name, logging.INFO)  # noqa: LOG001 - one of the process would be another test's too
    logger.parent = logging.getLogger()
    logger.addHandler(Keeper())
    return logger
