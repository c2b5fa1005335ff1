"""The files of one attempt: those it reads, and those it makes."""

import io
import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from uuid import UUID, uuid4

from task_system.dispatch.filing import Filing, Measure
from task_system.files.blobs import CHUNK_BYTES, LEFT_AFTER_S
from task_system.model.errors import FileNotFound, TaskSystemError
from task_system.model.file import StoredFile, plain_name
from task_system.model.ids import new_id
from task_system.registry import CreatedFile, Fail, FileInfo

_log = logging.getLogger(__name__)


class AttemptFiles:
    """One per attempt. Costs nothing until it is used.

    between: called between the pieces of a long transfer; what it raises ends it.
    """

    def __init__(self, filing: Filing, task_id: UUID, attempt: int, between: Callable[[], None]) -> None:
        self._filing = filing
        self._attempt = (task_id, attempt)
        self._between = between
        self._folder: Path | None = None
        #: Whether anything was made.
        self.made = False

    def info(self, file_id: UUID) -> FileInfo:
        """What is known of a file. Raises Fail when there is none."""
        file = self._found(file_id)
        return FileInfo(
            file_id=file.id, name=file.name, size=file.size, sha256=file.sha256, content_type=file.content_type
        )

    @contextmanager
    def open(self, file_id: UUID) -> Iterator[BinaryIO]:
        """A file to read. Raises Fail when there is none."""
        self._found(file_id)
        with ExitStack() as opened:
            try:
                stream = opened.enter_context(self._filing.blobs.open(file_id, self._between))
            except FileNotFound:
                raise _no_file(file_id) from None
            yield stream

    def local_path(self, file_id: UUID) -> Path:
        """A file at a path. Raises Fail when there is none."""
        file = self._found(file_id)
        path = self._scratch() / str(file_id) / file.name
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            try:
                self._filing.blobs.fetch(file_id, path, self._between)
            except FileNotFound:
                raise _no_file(file_id) from None
        return path

    @contextmanager
    def create(self, name: str) -> Iterator[CreatedFile]:
        """A new file; kept when the block ends."""
        file_id, path = new_id(), self._scratch() / uuid4().hex
        raw = _Measured(path)
        try:
            with io.BufferedWriter(cast("io.RawIOBase", raw), CHUNK_BYTES) as stream:
                yield CreatedFile(file_id=file_id, name=plain_name(name), stream=stream)
            self.made = True
            measure = raw.measure if raw.in_order else None
            self._filing.keep(file_id, path, name, self._attempt, measure=measure, between=self._between)
        finally:
            path.unlink(missing_ok=True)

    def keep_result(self, result: bytes) -> None:
        """Keep the attempt's large result."""
        self.made = True
        self._filing.keep_result(result, self._attempt)

    def close(self, *, succeeded: bool) -> None:
        """After the attempt. What one made that did not succeed is removed, now or by the keeper."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self.made and not succeeded:
            try:
                self._filing.discard(*self._attempt)
            except TaskSystemError as error:
                _log.warning("files of an attempt of task %s are still there: %s", self._attempt[0], error.detail)

    def _found(self, file_id: UUID) -> StoredFile:
        try:
            return self._filing.files.get(file_id, seen_by=self._attempt)
        except FileNotFound:
            raise _no_file(file_id) from None

    def _scratch(self) -> Path:
        if self._folder is None:
            self._filing.blobs.clear_scratch(LEFT_AFTER_S)
            self._folder = self._filing.blobs.prepare() / f"{self._attempt[0]}.{self._attempt[1]}.{uuid4().hex[:8]}"
            self._folder.mkdir(mode=0o700)
        return self._folder


class _Measured(io.FileIO):
    """A new file that is measured while it is written, unless somebody goes back in it."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "xb")
        self.measure = Measure()
        self.in_order = True

    def write(self, data: bytes, /) -> int:  # type: ignore[override] # any buffer
        if self.tell() != self.measure.size:
            self.in_order = False
        written = super().write(data) or 0
        if self.in_order:
            self.measure.add(bytes(memoryview(data)[:written]))
        return written

    def truncate(self, size: int | None = None, /) -> int:
        self.in_order = False
        return super().truncate(size)


def _no_file(file_id: UUID) -> Fail:
    return Fail(f"There is no file `{file_id}`: it was deleted, or its time is over. Upload it again")
