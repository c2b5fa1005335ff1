"""Blobs in a folder of this machine, or of one that all share."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time
from typing import BinaryIO
from uuid import UUID, uuid4

from task_system.files.blobs import CHUNK_BYTES, Blobs, nothing
from task_system.model.errors import FileNotFound, FilesFull, FilesUnavailable

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT}


class LocalBlobs(Blobs):
    """A file each, in 256 folders. Written aside, brought to the disk, then renamed.

    root: its own folder, and nobody else's.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.scratch = root / "unfinished"

    def put(self, blob: UUID, chunks: Iterable[bytes]) -> None:
        with _away():
            path = self.prepare() / f"{blob}.{uuid4().hex}"
            stream = path.open("xb", buffering=0)
        try:
            with stream:
                for chunk in chunks:
                    with _away():
                        _write_all(stream, chunk)
            self.adopt(blob, path)
        except BaseException:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            raise

    def adopt(self, blob: UUID, path: Path, between: Callable[[], None] = nothing) -> None:  # noqa: ARG002 - nothing moves
        place = self._place(blob)
        with _away():
            _sync(path)
            if not place.parent.exists():
                place.parent.mkdir(mode=0o700, exist_ok=True)
                _sync(self._root)
            path.chmod(0o400)
            path.replace(place)
            _sync(place.parent)

    def read(self, blob: UUID, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        stream = self._opened(blob)
        stream.seek(start)
        return _pieces(stream, None if end is None else end - start)

    @contextmanager
    def open(self, blob: UUID, between: Callable[[], None] = nothing) -> Iterator[BinaryIO]:  # noqa: ARG002 - it is here
        with self._opened(blob) as stream:
            yield stream

    def fetch(self, blob: UUID, path: Path, between: Callable[[], None] = nothing) -> None:
        try:
            os.link(self._place(blob), path)
        except OSError:
            # Another file system, or one without links.
            with _away(), self._opened(blob) as source, path.open("xb") as target:
                while chunk := source.read(CHUNK_BYTES):
                    target.write(chunk)
                    between()

    def delete(self, blobs: Sequence[UUID]) -> None:
        with _away():
            for blob in blobs:
                self._place(blob).unlink(missing_ok=True)

    def older_than(self, age_s: float) -> Iterator[UUID]:
        before = time() - age_s
        with _away():
            for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]")):
                for path in folder.iterdir():
                    with suppress(ValueError, FileNotFoundError):
                        if path.stat().st_mtime < before:
                            yield UUID(path.name)

    def _place(self, blob: UUID) -> Path:
        # The last digits: the first ones of a UUIDv7 are its time.
        return self._root / blob.hex[-2:] / str(blob)

    def _opened(self, blob: UUID) -> BinaryIO:
        with _away():
            try:
                return self._place(blob).open("rb", buffering=CHUNK_BYTES)
            except FileNotFoundError:
                raise FileNotFound(file_id=str(blob)) from None


def _write_all(stream: BinaryIO, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[stream.write(view) :]


def _pieces(stream: BinaryIO, length: int | None) -> Iterator[bytes]:
    with stream:
        left = length
        while left is None or left > 0:
            piece = stream.read(CHUNK_BYTES if left is None else min(left, CHUNK_BYTES))
            if not piece:
                return
            if left is not None:
                left -= len(piece)
            yield piece


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _away() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise FilesFull from error
        # Never the error's own text, which holds a path.
        said = os.strerror(error.errno) if error.errno else "it does not answer"
        raise FilesUnavailable(f"The file store cannot do that now: {said}. Nothing was kept; try again.") from error
