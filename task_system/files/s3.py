"""Blobs in an S3-compatible store. An extra, `pip install 'task-system[s3]'`: loaded where it is configured."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from task_system.files.blobs import CHUNK_BYTES, Blobs, nothing
from task_system.model.errors import FileNotFound, FilesUnavailable

#: A part of an upload, and how many of them are on their way at once: what an upload takes of memory.
PART_BYTES = 8 * 1024 * 1024
PARTS_AT_ONCE = 2
#: The store's own limit for removing many at once.
DELETED_AT_ONCE = 1000


class S3Blobs(Blobs):
    """An object each. Uploads are multipart, so that an object appears when all of it is there.

    A process that is killed may leave parts behind: let the bucket's lifecycle rules abort incomplete uploads.

    scratch: a folder for what must be on this machine for a while.
    options: as of obstore's S3Store; what is missing is looked for in the environment (`AWS_…`).
    """

    def __init__(self, bucket: str, prefix: str, scratch: Path, **options: Any) -> None:
        self.scratch = scratch
        self._bucket = bucket
        self._prefix = prefix
        self._options = options

    @cached_property
    def _store(self) -> S3Store:
        # When first used: its threads do not survive a fork.
        return S3Store(
            self._bucket,
            prefix=self._prefix or None,
            client_options={
                "allow_http": True,
                "connect_timeout": timedelta(seconds=3),
                "read_timeout": timedelta(seconds=30),
                # Of a whole transfer, which takes as long as whoever is at its other end.
                "timeout": timedelta(hours=12),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=20)},
            **self._options,
        )

    def put(self, blob: UUID, chunks: Iterable[bytes]) -> None:
        with _away(blob, passing=chunks) as passed:
            obstore.put(
                self._store,
                _key(blob),
                passed,
                use_multipart=True,
                chunk_size=PART_BYTES,
                max_concurrency=PARTS_AT_ONCE,
            )

    def adopt(self, blob: UUID, path: Path, between: Callable[[], None] = nothing) -> None:
        self.put(blob, _read(path, between))
        path.unlink(missing_ok=True)

    def read(self, blob: UUID, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        if end is not None and end <= start:
            return iter(())
        with _away(blob):
            found = obstore.get(self._store, _key(blob), options=_range(start, end))
        return _pieces(blob, iter(found.stream(min_chunk_size=CHUNK_BYTES)))

    @contextmanager
    def open(self, blob: UUID, between: Callable[[], None] = nothing) -> Iterator[BinaryIO]:
        with tempfile.TemporaryFile(dir=self.prepare(), buffering=CHUNK_BYTES) as file:
            self._copy(blob, file, between)
            file.seek(0)
            yield file  # type: ignore[misc] # a file like any other

    def fetch(self, blob: UUID, path: Path, between: Callable[[], None] = nothing) -> None:
        with path.open("xb") as file:
            self._copy(blob, file, between)

    def delete(self, blobs: Sequence[UUID]) -> None:
        for first in range(0, len(blobs), DELETED_AT_ONCE):
            some = blobs[first : first + DELETED_AT_ONCE]
            with _away(some[0]):
                obstore.delete(self._store, [_key(blob) for blob in some])

    def older_than(self, age_s: float) -> Iterator[UUID]:
        before = datetime.now(UTC) - timedelta(seconds=age_s)
        with _away():
            for page in obstore.list(self._store):
                for found in page:
                    blob = _blob(found["path"])
                    if blob is not None and found["last_modified"] < before:
                        yield blob

    def _copy(self, blob: UUID, file: Any, between: Callable[[], None]) -> None:
        for piece in self.read(blob):
            file.write(piece)
            between()


def _key(blob: UUID) -> str:
    return f"{blob.hex[-2:]}/{blob}"


def _blob(key: str) -> UUID | None:
    """Whose key it is, if it is one of ours."""
    try:
        blob = UUID(key.rpartition("/")[2])
    except ValueError:
        return None
    return blob if _key(blob) == key else None


def _range(start: int, end: int | None) -> Any:
    if end is not None:
        return {"range": (start, end)}
    return {"range": {"offset": start}} if start else {}


def _read(path: Path, between: Callable[[], None]) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while piece := file.read(CHUNK_BYTES):
            between()
            yield piece


def _pieces(blob: UUID, found: Iterator[Any]) -> Iterator[bytes]:
    while True:
        with _away(blob):
            piece = next(found, None)
        if piece is None:
            return
        yield bytes(piece)


@contextmanager
def _away(blob: UUID | None = None, passing: Iterable[bytes] = ()) -> Iterator[Iterator[bytes]]:
    """Turns the store's errors into ours. What `passing` raises stays as it is."""
    theirs: list[BaseException] = []
    try:
        yield _watched(passing, theirs)
    except FileNotFoundError as error:
        raise _meant(error, theirs) or FileNotFound(file_id=str(blob)) from error
    except (BaseError, OSError) as error:
        raise _meant(error, theirs) or FilesUnavailable from error


def _watched(chunks: Iterable[bytes], raised: list[BaseException]) -> Iterator[bytes]:
    try:
        yield from chunks
    except BaseException as error:
        raised.append(error)
        raise


def _meant(error: BaseException, raised: list[BaseException]) -> BaseException | None:
    return error if error in raised else None
