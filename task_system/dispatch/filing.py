"""Files: blobs and what is known of them, kept in step.

A blob is there before its row, and a row is gone before its blob. So a row never lies, and what is left when something
fails in between is a blob without a row, which the keeper removes.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from uuid import UUID

from task_system.files import Blobs
from task_system.files.blobs import CHUNK_BYTES, nothing
from task_system.files.content import HEAD_BYTES, content_type
from task_system.model.errors import FilesUnavailable, FileTooLarge
from task_system.model.file import Kind, NewFile, StoredFile, plain_name
from task_system.model.ids import new_id
from task_system.store.files import Files

_log = logging.getLogger(__name__)


class Measure:
    """Takes the bytes of a file, and knows their number, digest and type. Raises FileTooLarge past `most`."""

    def __init__(self, most: int | None = None) -> None:
        self.size = 0
        self._most = most
        self._head = bytearray()
        self._digest = hashlib.sha256()

    def add(self, chunk: bytes) -> None:
        """The next bytes."""
        self.size += len(chunk)
        if self._most is not None and self.size > self._most:
            raise FileTooLarge(f"The file is larger than {self._most:,} bytes, the most that is accepted here.")
        self._digest.update(chunk)
        if len(self._head) < HEAD_BYTES:
            self._head += chunk[: HEAD_BYTES - len(self._head)]

    def of(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks, measured on their way."""
        for chunk in chunks:
            self.add(chunk)
            yield chunk

    @property
    def sha256(self) -> str:
        """Hexadecimal."""
        return self._digest.hexdigest()

    def content_type(self) -> str:
        """By content."""
        return content_type(bytes(self._head))


class Filing:
    """One per process. All methods raise FilesUnavailable and StoreUnavailable.

    max_bytes: a larger upload is refused. keep_s: how long a file is kept, in seconds.
    """

    def __init__(self, blobs: Blobs, files: Files, *, max_bytes: int, keep_s: float) -> None:
        self.blobs = blobs
        self.files = files
        self.max_bytes = max_bytes
        self._keep_s = keep_s

    def take(self, name: str, chunks: Iterable[bytes]) -> StoredFile:
        """Keep an upload. Raises FileTooLarge, and what `chunks` raises; then nothing is kept."""
        measure = Measure(self.max_bytes)
        id_ = new_id()
        self.blobs.put(id_, measure.of(chunks))
        return self._record(id_, name, measure, Kind.FILE, None)

    def keep(
        self,
        id_: UUID,
        path: Path,
        name: str,
        made_by: tuple[UUID, int],
        *,
        measure: Measure | None = None,
        between: Callable[[], None] = nothing,
    ) -> StoredFile:
        """Keep what an attempt made, a file of the scratch folder. It counts once the attempt has succeeded.

        measure: of all of its bytes, where somebody took it. between: called every now and then.
        """
        if measure is None:
            measure = _measured(path, between)
        self.blobs.adopt(id_, path, between)
        return self._record(id_, name, measure, Kind.FILE, made_by)

    def keep_result(self, result: bytes, made_by: tuple[UUID, int]) -> StoredFile:
        """Keep an attempt's large result, as JSON."""
        measure = Measure()
        id_ = new_id()
        self.blobs.put(id_, measure.of([result]))
        return self._record(id_, "result.json", measure, Kind.RESULT, made_by)

    def content(self, file: StoredFile, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Its bytes, from `start` to before `end`. Raises FileNotFound at once."""
        return self.blobs.read(file.id, start, end)

    def remove(self, file_id: UUID) -> None:
        """Remove a file. Raises FileNotFound."""
        self.files.remove(file_id)
        self.drop([file_id])

    def discard(self, task_id: UUID, attempt: int) -> None:
        """Remove what an attempt made that did not succeed."""
        self.drop(self.files.discard(task_id, attempt))

    def drop(self, blobs: Sequence[UUID]) -> None:
        """Remove blobs whose rows are gone. What cannot be removed now is found later."""
        if blobs:
            try:
                self.blobs.delete(blobs)
            except FilesUnavailable as error:
                _log.warning("%d blobs of removed files are still there: %s", len(blobs), error.detail)

    def _record(
        self, id_: UUID, name: str, measure: Measure, kind: Kind, made_by: tuple[UUID, int] | None
    ) -> StoredFile:
        task_id, attempt = made_by or (None, None)
        return self.files.add(
            NewFile(
                id=id_,
                name=plain_name(name),
                size=measure.size,
                sha256=measure.sha256,
                content_type="application/json" if kind is Kind.RESULT else measure.content_type(),
                kind=kind,
                keep_s=None if kind is Kind.RESULT else self._keep_s,
                task_id=task_id,
                attempt=attempt,
            )
        )


def _measured(path: Path, between: Callable[[], None]) -> Measure:
    measure = Measure()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            measure.add(chunk)
            between()
    return measure
