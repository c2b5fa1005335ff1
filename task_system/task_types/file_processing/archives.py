"""Operation `archive`: a zip or tar.gz file of several files.

The same files give the same archive: it holds their names and bytes, and neither times nor owners.
"""

import gzip
import tarfile
import zipfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from task_system import Context, Fail
from task_system.task_types.data_files import new_file, read_file, size_bytes, split_ending
from task_system.task_types.file_processing.models import FileParameters, Packed
from task_system.task_types.file_processing.progress import CHUNK_BYTES, Output

#: From here on zip needs its larger fields, which must be known before the first byte. Far enough below 4 GiB.
_ZIP64_BYTES = 2**31
_MODE = 0o644


def archive(ctx: Context, parameters: FileParameters) -> Packed:
    """An archive of the files, under the names by which they were sent."""
    ending = f".{parameters.archive_format}"
    with new_file(ctx, parameters.sources[0], "archive", ending) as made:
        output = Output(made.stream)
        sources = _Sources(ctx, parameters.sources)
        if parameters.archive_format == "zip":
            _write_zip(sources, output)
        else:
            _write_tar(sources, output)
    return Packed(
        operation="archive",
        filenames=parameters.sources,
        size_bytes=sources.size_bytes,
        output=made.name,
        output_file_id=made.file_id,
        output_bytes=output.size_bytes,
        output_sha256=output.sha256,
    )


class _Sources:
    """The files one after the other, with progress over all of them."""

    def __init__(self, ctx: Context, names: list[str]) -> None:
        self._ctx = ctx
        self._names = names
        self._done = 0
        #: Of all files together, so far.
        self.size_bytes = 0

    def __iter__(self) -> Iterator[tuple[str, int, Iterator[bytes]]]:
        """Name, size, and the bytes of each."""
        for name, entry in zip(self._names, _entries(self._names), strict=True):
            with read_file(self._ctx, name) as source:
                size = size_bytes(source)
                yield entry, size, self._chunks(name, source, size)
                self.size_bytes += size
            self._done += 1

    def _chunks(self, name: str, source: BinaryIO, size: int) -> Iterator[bytes]:
        """Exactly as many bytes as were announced."""
        left = size
        while left:
            chunk = source.read(min(left, CHUNK_BYTES))
            if not chunk:
                raise Fail(f"`{name}` was changed while it was read: try again when it is complete")
            left -= len(chunk)
            done = (self._done + (size - left) / size) / len(self._names)
            self._ctx.progress(min(100.0, 100 * done), f"adding {name}"[:200], files=self._done)
            yield chunk


def _entries(names: list[str]) -> Iterator[str]:
    """Names for the archive. Files that are told apart by their ids may have the same."""
    taken: set[str] = set()
    for name in names:
        entry, number = name, 1
        while entry in taken:
            number += 1
            stem, ending = split_ending(name)
            entry = f"{stem}-{number}{ending}"
        taken.add(entry)
        yield entry


def _write_zip(sources: _Sources, output: Output) -> None:
    with zipfile.ZipFile(cast("BinaryIO", output), "w") as packed:
        for name, size, chunks in sources:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = _MODE << 16
            with packed.open(info, "w", force_zip64=size >= _ZIP64_BYTES) as entry:
                for chunk in chunks:
                    entry.write(chunk)


def _write_tar(sources: _Sources, output: Output) -> None:
    with (
        gzip.GzipFile("", "wb", fileobj=cast("BinaryIO", output), mtime=0) as packer,
        tarfile.open(fileobj=packer, mode="w|", format=tarfile.PAX_FORMAT) as packed,
    ):
        for name, size, chunks in sources:
            info = tarfile.TarInfo(name)
            info.size, info.mode = size, _MODE
            packed.addfile(info, cast("BinaryIO", _Reader(chunks)))


class _Reader:
    """What `tarfile` copies from: pieces, as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, count: int) -> bytes:
        while len(self._rest) < count:
            piece = next(self._pieces, b"")
            if not piece:
                break
            self._rest += piece
        found, self._rest = self._rest[:count], self._rest[count:]
        return found
