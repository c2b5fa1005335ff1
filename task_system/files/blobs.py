"""What a blob store can do, wherever it is."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

#: Read and written at once.
CHUNK_BYTES = 256 * 1024
#: What was begun and not touched for so long was left by a process that died, in seconds.
LEFT_AFTER_S = 86_400.0


def nothing() -> None:
    """What is called between the pieces of a long transfer, unless somebody has an interest."""


class Blobs(ABC):
    """Bytes under ids. A blob is there whole or not at all, and never changes. Safe to use from any thread.

    Every method raises FilesUnavailable when the store cannot do it just now, and those that read FileNotFound.
    """

    #: A folder on this machine for files in the making. It is there once `prepare` was called.
    scratch: Path

    def prepare(self) -> Path:
        """The scratch folder, made where it is missing."""
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.scratch

    @abstractmethod
    def put(self, blob: UUID, chunks: Iterable[bytes]) -> None:
        """Keep these bytes. On return they are safe. Nothing is left when `chunks` raises, which is passed on."""

    @abstractmethod
    def adopt(self, blob: UUID, path: Path, between: Callable[[], None] = nothing) -> None:
        """Keep this file of the scratch folder, which is gone afterwards. On return it is safe."""

    @abstractmethod
    def read(self, blob: UUID, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to before `end`, in pieces. A missing blob is noticed at once."""

    @abstractmethod
    def open(self, blob: UUID, between: Callable[[], None] = nothing) -> AbstractContextManager[BinaryIO]:
        """The blob as a file of this machine, to be read from anywhere."""

    @abstractmethod
    def fetch(self, blob: UUID, path: Path, between: Callable[[], None] = nothing) -> None:
        """The blob as a file at that path, which must be free and in the scratch folder. It is not to be written to."""

    @abstractmethod
    def delete(self, blobs: Sequence[UUID]) -> None:
        """Remove these. Those that are gone are fine."""

    @abstractmethod
    def older_than(self, age_s: float) -> Iterator[UUID]:
        """All blobs that have been there for longer."""

    def clear_scratch(self, age_s: float) -> int:
        """Remove what was begun and not touched for so long: whoever began it died. Answers how many files."""
        return clear(self.scratch, age_s)


def clear(folder: Path, age_s: float) -> int:
    """Remove the files below a folder that were not touched for so long, and folders that are empty."""
    removed = 0
    for path in sorted(folder.rglob("*"), reverse=True):
        try:
            if path.lstat().st_mtime > time.time() - age_s:
                continue
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
                removed += 1
        except OSError:
            continue  # somebody else was faster, or it is not empty
    return removed
