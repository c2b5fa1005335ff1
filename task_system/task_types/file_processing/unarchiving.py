"""Operation `unarchive`: the files in a zip or tar.gz file, each a new file.

Names in an archive come from a stranger: none of them becomes a path here. A new file is named by the last part of the
name, the task's id and a number, and stands beside the archive; the result says which is which. An archive that holds
a name that leads elsewhere, a link or a device is refused as a whole, because it was not made in good faith.
"""

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import BinaryIO, cast

from task_system import Context, Fail
from task_system.task_types.data_files import new_file, percent, read_file, remove_file, size_bytes, split_ending
from task_system.task_types.file_processing.compression import unpacked
from task_system.task_types.file_processing.models import FileParameters, Piece, Unpacked
from task_system.task_types.file_processing.progress import Growth, Output

#: Longest name of an entry, in characters, and most folders in it.
_NAME_MAX = 1000
_DEPTH_MAX = 50

_READ_BYTES = 64 * 1024
#: The list of a zip file's entries, or one header of a tar file: read at once, whatever size it claims to have.
_LIST_MAX_BYTES = 8 * 1024 * 1024

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 1

#: Name and content of a file.
Entry = tuple[str, Iterator[bytes]]


#: What `zipfile` and `tarfile` raise about the bytes that they are given.
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, ValueError, NotImplementedError)


def unarchive(ctx: Context, parameters: FileParameters) -> Unpacked:
    """Every file in the archive, up to the limits. Raises Fail, and leaves no new file, for anything suspicious."""
    name = parameters.source
    with read_file(ctx, name) as source, ExitStack() as unless_delivered:
        try:
            outputs = [
                _piece(ctx, name, entry, number, unless_delivered)
                for number, entry in enumerate(_entries(ctx, source, parameters), 1)
            ]
        except _DAMAGE as error:
            raise Fail(f"`{name}` is damaged: {error}") from None
        unless_delivered.pop_all()
        return Unpacked(
            operation="unarchive",
            filename=name,
            size_bytes=size_bytes(source),
            outputs=outputs,
            output_bytes=sum(each.output_bytes for each in outputs),
        )


def _piece(ctx: Context, archive: str, entry: Entry, number: int, unless_delivered: ExitStack) -> Piece:
    name, content = entry
    # a name may be longer than a file's; `new_file` cuts its stem
    stem, ending = split_ending(name)
    with new_file(ctx, archive, stem.lstrip(".") or "file", ending, number=number) as made:
        output = Output(made.stream)
        for piece in content:
            output.write(piece)
    unless_delivered.callback(remove_file, ctx, made.name, made.file_id)
    return Piece(
        entry=name,
        output=made.name,
        output_file_id=made.file_id,
        output_bytes=output.size_bytes,
        output_sha256=output.sha256,
    )


def _entries(ctx: Context, source: BinaryIO, parameters: FileParameters) -> Iterator[Entry]:
    head = source.read(4)
    source.seek(0)
    if head[:2] == b"PK":
        return _of_zip(ctx, source, parameters)
    if head[:2] == b"\x1f\x8b":
        return _of_tar(ctx, source, parameters)
    raise Fail(f"`{parameters.source}` is neither a zip nor a tar.gz file")


def _check(parameters: FileParameters, name: str, entries: int) -> None:
    """Raises Fail for a name that does not stay inside, and for too many entries."""
    parts = name.split("/")
    if name.startswith(("/", "\\")) or ".." in parts or "\\" in name or ":" in parts[0] or "\0" in name:
        raise Fail(f"`{parameters.source}` holds a file that leads elsewhere: {name[:200]!r}")
    if len(name) > _NAME_MAX or len(parts) > _DEPTH_MAX:
        raise Fail(f"`{parameters.source}` holds a name that is too long or too deep: {name[:200]!r}")
    if any(ord(character) < 32 or ord(character) == 127 or "\ud800" <= character <= "\udfff" for character in name):
        raise Fail(f"`{parameters.source}` holds a name that is no text: {name[:200]!r}")
    if entries > parameters.max_files:
        raise Fail(
            f"`{parameters.source}` holds more than {parameters.max_files:,} entries: "
            "raise `max_files` if you trust the file"
        )


def _of_zip(ctx: Context, source: BinaryIO, parameters: FileParameters) -> Iterator[Entry]:
    size = size_bytes(source)
    growth = Growth(parameters.source, size, max_bytes=parameters.max_output_bytes, max_ratio=parameters.max_ratio)
    done = 0
    with zipfile.ZipFile(cast("BinaryIO", _Bounded(source, parameters.source))) as packed:
        entries = packed.infolist()
        # before anything is made of it: most of what can be wrong is known from the list
        for info in entries:
            _check(parameters, info.orig_filename, len(entries))
            _check_zip_entry(parameters, info)
        for info in entries:
            if not info.is_dir():
                with packed.open(info) as content:
                    yield info.filename, _read(ctx, cast("BinaryIO", content), growth, percent(done, size))
            done += info.compress_size


def _check_zip_entry(parameters: FileParameters, info: zipfile.ZipInfo) -> None:
    if info.flag_bits & _ENCRYPTED:
        raise Fail(f"`{parameters.source}` is encrypted: unpack it where its password is known")
    if info.compress_type not in _METHODS:
        raise Fail(f"`{parameters.source}` is packed by a method that is not supported, only deflate is")
    # the type bits of Unix: nothing said, a folder, or a regular file
    if info.external_attr >> 28 not in {0, 0o04, 0o10}:
        raise Fail(f"`{parameters.source}` holds a link or a device: {info.filename[:200]!r}")


def _of_tar(ctx: Context, source: BinaryIO, parameters: FileParameters) -> Iterator[Entry]:
    stream = _Forward(unpacked(ctx, source, parameters), parameters.source)
    with tarfile.open(fileobj=cast("BinaryIO", stream), mode="r:") as packed:
        for number, info in enumerate(packed, 1):
            _check(parameters, info.name, number)
            if info.type in {tarfile.REGTYPE, tarfile.AREGTYPE} and info.sparse is None:
                content = packed.extractfile(info)
                assert content is not None
                at = percent(source.tell(), size_bytes(source))
                # its growth is counted as it is unpacked, headers and all
                yield info.name, _read(ctx, cast("BinaryIO", content), None, at)
            elif not info.isdir():
                raise Fail(f"`{parameters.source}` holds a link or a device: {info.name[:200]!r}")
        # `tarfile` takes whatever is no header for the end
        stream.seek(packed.offset)
        if any(stream.read(tarfile.BLOCKSIZE)):
            raise tarfile.ReadError("a header is not one")
    while stream.read(_READ_BYTES):
        pass  # to the end, where gzip has its checksum


def _read(ctx: Context, content: BinaryIO, growth: Growth | None, percent_done: float) -> Iterator[bytes]:
    while piece := content.read(_READ_BYTES):
        if growth is not None:
            growth.add(len(piece))
        ctx.progress(percent_done, "unpacking")
        yield piece


class _Bounded:
    """A file that refuses to be read at once: `zipfile` reads the list of entries so, as long as it claims to be."""

    def __init__(self, source: BinaryIO, name: str) -> None:
        self._source = source
        self._name = name
        self.seek = source.seek
        self.tell = source.tell

    def seekable(self) -> bool:
        return True

    def read(self, count: int = -1) -> bytes:
        wanted = count if 0 <= count <= _LIST_MAX_BYTES else _LIST_MAX_BYTES + 1
        found = self._source.read(wanted)
        if len(found) > _LIST_MAX_BYTES:
            raise Fail(f"`{self._name}` has a list of its entries that is larger than {_LIST_MAX_BYTES:,} bytes")
        return found


class _Forward:
    """Unpacked pieces as a file that `tarfile` reads: forward, and up to a block back."""

    _KEPT_BYTES = 1024

    def __init__(self, pieces: Iterator[bytes], name: str) -> None:
        self._pieces = pieces
        self._name = name
        self._buffer = bytearray()
        #: Where the buffer begins, and where the next read does.
        self._start = 0
        self._position = 0

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        if position < self._start:
            raise tarfile.ReadError("it would have to be read twice")
        while self._end() < position and self._fill():
            self._position = min(self._end(), position)
            self._forget()
        self._position = position
        return position

    def read(self, count: int) -> bytes:
        if not 0 <= count <= _LIST_MAX_BYTES:
            raise Fail(f"`{self._name}` has a header that is larger than {_LIST_MAX_BYTES:,} bytes")
        while self._end() < self._position + count and self._fill():
            pass
        at = self._position - self._start
        found = bytes(self._buffer[at : at + count])
        self._position += len(found)
        self._forget()
        return found

    def _end(self) -> int:
        return self._start + len(self._buffer)

    def _fill(self) -> bool:
        piece = next(self._pieces, None)
        if piece is not None:
            self._buffer += piece
        return piece is not None

    def _forget(self) -> None:
        surplus = self._position - self._start - self._KEPT_BYTES
        if surplus > 0:
            del self._buffer[:surplus]
            self._start += surplus
