"""Operations `compress` and `decompress`: gzip."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO, Literal

from task_system import Context, Fail
from task_system.task_types.data_files import NewFile, new_file, read_file, size_bytes, split_ending
from task_system.task_types.file_processing.models import FileMade, FileParameters
from task_system.task_types.file_processing.progress import CHUNK_BYTES, Growth, Output, chunks

#: zlib's number for a gzip header and trailer with the largest window.
_GZIP = 16 + zlib.MAX_WBITS

#: Read at once. Small, because what follows a member of the file is copied: a file may be thousands of tiny members.
_PACKED_BYTES = 64 * 1024


def compress(ctx: Context, parameters: FileParameters) -> FileMade:
    """A gzip file of the file. The same bytes give the same gzip file: it holds neither name nor time."""
    stem, ending = split_ending(parameters.source)
    with read_file(ctx, parameters.source) as source:
        with new_file(ctx, parameters.source, stem, ending + ".gz") as made:
            output = Output(made.stream)
            packer = zlib.compressobj(wbits=_GZIP)
            for chunk in chunks(ctx, source, "compressing"):
                output.write(packer.compress(chunk))
            output.write(packer.flush())
        return _made(parameters, "compress", size_bytes(source), made, output)


def decompress(ctx: Context, parameters: FileParameters) -> FileMade:
    """What a gzip file holds, up to the limits. Raises Fail for what is no gzip, damaged, or beyond a limit."""
    with read_file(ctx, parameters.source) as source:
        with new_file(ctx, parameters.source, *_unpacked_name(parameters.source)) as made:
            output = Output(made.stream)
            try:
                for piece in unpacked(ctx, source, parameters):
                    output.write(piece)
            except zlib.error as error:
                raise Fail(f"`{parameters.source}` is no gzip file, or damaged: {error}") from None
        return _made(parameters, "decompress", size_bytes(source), made, output)


def _unpacked_name(filename: str) -> tuple[str, str]:
    stem, ending = split_ending(filename)
    match ending.lower():
        case ".gz":
            return split_ending(stem)
        case ".tgz":
            return stem, ".tar"
    return stem, f"{ending}.unpacked"


def unpacked(ctx: Context, source: BinaryIO, parameters: FileParameters) -> Iterator[bytes]:
    """The content, in pieces of up to 1 MiB however well it is packed, of all members that the file consists of.

    Raises Fail for what is cut off or beyond a limit, zlib.error for what is no gzip file.
    """
    growth = Growth(
        parameters.source,
        size_bytes(source),
        max_bytes=parameters.max_output_bytes,
        max_ratio=parameters.max_ratio,
    )
    unpacker = zlib.decompressobj(_GZIP)
    members = 0
    for chunk in chunks(ctx, source, "unpacking", _PACKED_BYTES):
        rest = chunk
        while rest:
            if unpacker.eof:
                rest = rest.lstrip(b"\0")  # what some tools fill up the last block with
                if not rest:
                    break
                unpacker = zlib.decompressobj(_GZIP)
            piece = unpacker.decompress(rest, CHUNK_BYTES)
            growth.add(len(piece))
            yield piece
            ctx.check_cancelled()
            members += unpacker.eof
            rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    if not members or not unpacker.eof:
        raise Fail(f"`{parameters.source}` ends in the middle: it is not complete")


def _made(
    parameters: FileParameters, operation: Literal["compress", "decompress"], size: int, made: NewFile, output: Output
) -> FileMade:
    packed, content = (output.size_bytes, size) if operation == "compress" else (size, output.size_bytes)
    return FileMade(
        operation=operation,
        filename=parameters.source,
        size_bytes=size,
        output=made.name,
        output_file_id=made.file_id,
        output_bytes=output.size_bytes,
        output_sha256=output.sha256,
        ratio=content / packed,
        records=None,
    )
