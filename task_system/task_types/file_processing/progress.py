"""Going through files in pieces, with progress by bytes."""

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

from task_system import Context, Fail
from task_system.task_types.data_files import percent, size_bytes

CHUNK_BYTES = 1024 * 1024


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
            raise Fail(
                f"The output is larger than {self._max_bytes:,} bytes: raise `max_output_bytes` if you trust the file"
            )
        self._stream.write(data)
        self._digest.update(data)
        return len(data)

    @property
    def sha256(self) -> str:
        """Of what was written so far, hexadecimal."""
        return self._digest.hexdigest()
