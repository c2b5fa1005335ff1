"""Operations `compress` and `decompress`: gzip."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO, Literal

from task_system import Context, Fail
from task_system.task_types.data_files import new_file, read_file, size_bytes, split_ending
from task_system.task_types.file_processing.models import FileMade, FileParameters
from task_system.task_types.file_processing.progress import CHUNK_BYTES, Output, chunks

#: zlib's number for a gzip header and trailer with the largest window.
_GZIP = 16 + zlib.MAX_WBITS

#: Read at once. Small, because what follows a member of the file is copied: a file may be thousands of tiny members.
_PACKED_BYTES = 64 * 1024

#: Up to here a high ratio is no bomb but a small file of few different bytes.
_HARMLESS_BYTES = 16 * 1024 * 1024


def compress(ctx: Context, parameters: FileParameters) -> FileMade:
    """A gzip file of the file. The same bytes give the same gzip file: it holds neither name nor time."""
    stem, ending = split_ending(parameters.filename)
    with read_file(ctx, parameters.filename) as source:
        with new_file(ctx, parameters.filename, stem, ending + ".gz") as made:
            output = Output(made.stream)
            packer = zlib.compressobj(wbits=_GZIP)
            for chunk in chunks(ctx, source, "compressing"):
                output.write(packer.compress(chunk))
            output.write(packer.flush())
        return _made(parameters, "compress", size_bytes(source), made.name, output)


def decompress(ctx: Context, parameters: FileParameters) -> FileMade:
    """What a gzip file holds, up to the limits. Raises Fail for what is no gzip, damaged, or beyond a limit."""
    with read_file(ctx, parameters.filename) as source:
        with new_file(ctx, parameters.filename, *_unpacked_name(parameters.filename)) as made:
            output = Output(made.stream, max_bytes=parameters.max_output_bytes)
            harmless_bytes = max(_HARMLESS_BYTES, parameters.max_ratio * size_bytes(source))
            try:
                for piece in _unpacked(ctx, source, parameters.filename):
                    output.write(piece)
                    if output.size_bytes > harmless_bytes:
                        raise Fail(
                            f"`{parameters.filename}` holds more than {parameters.max_ratio:g} times its own size: "
                            "raise `max_ratio` if you trust the file"
                        )
            except zlib.error as error:
                raise Fail(f"`{parameters.filename}` is no gzip file, or damaged: {error}") from None
        return _made(parameters, "decompress", size_bytes(source), made.name, output)


def _unpacked_name(filename: str) -> tuple[str, str]:
    stem, ending = split_ending(filename)
    match ending.lower():
        case ".gz":
            return split_ending(stem)
        case ".tgz":
            return stem, ".tar"
    return stem, f"{ending}.unpacked"


def _unpacked(ctx: Context, source: BinaryIO, filename: str) -> Iterator[bytes]:
    """The content, in pieces of up to 1 MiB however well it is packed, of all members that the file consists of."""
    unpacker = zlib.decompressobj(_GZIP)
    members = 0
    for chunk in chunks(ctx, source, "decompressing", _PACKED_BYTES):
        rest = chunk
        while rest:
            if unpacker.eof:
                rest = rest.lstrip(b"\0")  # what some tools fill up the last block with
                if not rest:
                    break
                unpacker = zlib.decompressobj(_GZIP)
            yield unpacker.decompress(rest, CHUNK_BYTES)
            ctx.check_cancelled()
            members += unpacker.eof
            rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    if not members or not unpacker.eof:
        raise Fail(f"`{filename}` ends in the middle: it is not complete")


def _made(
    parameters: FileParameters, operation: Literal["compress", "decompress"], size: int, name: str, output: Output
) -> FileMade:
    packed, content = (output.size_bytes, size) if operation == "compress" else (size, output.size_bytes)
    return FileMade(
        operation=operation,
        filename=parameters.filename,
        size_bytes=size,
        output=name,
        output_bytes=output.size_bytes,
        output_sha256=output.sha256,
        ratio=content / packed,
        records=None,
    )
