"""Going through files in pieces, with progress by bytes."""

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from task_system import Context, Fail
from task_system.task_types.data_files import percent, size_bytes

CHUNK_BYTES = 1024 * 1024

#: Up to here a high ratio is no bomb but a small file of few different bytes.
_HARMLESS_BYTES = 16 * 1024 * 1024


def chunks(ctx: Context, source: BinaryIO, doing: str, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The bytes of a file, in pieces of up to `chunk_bytes`; each is a progress report, which brings a cancel."""
    total = size_bytes(source)
    done = 0
    while chunk := source.read(chunk_bytes):
        yield chunk
        done += len(chunk)
        ctx.progress(percent(done, total), doing, bytes=done)


class Output:
    """A stream that is written to, and knows its size and digest. Writing more than `max_bytes` raises Fail."""

    def __init__(self, stream: BinaryIO, *, max_bytes: int | None = None) -> None:
        self.size_bytes = 0
        self._max_bytes = max_bytes
        self._stream = stream
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write all of it."""
        self.size_bytes += len(data)
        if self._max_bytes is not None and self.size_bytes > self._max_bytes:
            raise Fail(too_large(self._max_bytes))
        self._stream.write(data)
        self._digest.update(data)
        return len(data)

    @property
    def sha256(self) -> str:
        """Of what was written so far, hexadecimal."""
        return self._digest.hexdigest()

    def flush(self) -> None:
        """What writers of archives call. `new_file` flushes in the end."""


class Growth:
    """How large something packed turns out to be. `add` raises Fail when it is more than was allowed."""

    def __init__(self, filename: str, packed_bytes: int, *, max_bytes: int, max_ratio: float) -> None:
        self._filename = filename
        self._max_bytes = max_bytes
        self._max_ratio = max_ratio
        self._harmless_bytes = max(_HARMLESS_BYTES, max_ratio * packed_bytes)
        self._bytes = 0

    def add(self, count: int) -> None:
        """So many bytes more."""
        self._bytes += count
        if self._bytes > self._max_bytes:
            raise Fail(too_large(self._max_bytes))
        if self._bytes > self._harmless_bytes:
            raise Fail(
                f"`{self._filename}` holds more than {self._max_ratio:g} times its own size: "
                "raise `max_ratio` if you trust the file"
            )


def too_large(max_bytes: int) -> str:
    """In words for the caller."""
    return f"The output is larger than {max_bytes:,} bytes: raise `max_output_bytes` if you trust the file"
