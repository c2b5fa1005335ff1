"""Operations `split` and `merge`: one file in parts, and several one behind the other."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import BinaryIO

from task_system import Context, Fail
from task_system.task_types.data_files import new_file, percent, read_file, remove_file, size_bytes, split_ending
from task_system.task_types.file_processing.models import PARTS_MAX, FileParameters, Packed, Piece, Unpacked
from task_system.task_types.file_processing.progress import CHUNK_BYTES, Output

#: Read at once to look for the ends of lines; what is read too much is read again.
_LINES_BYTES = 64 * 1024


def split(ctx: Context, parameters: FileParameters) -> Unpacked:
    """Parts of the file, in order; put one behind the other they are the file again."""
    stem, ending = split_ending(parameters.source)
    outputs: list[Piece] = []
    with read_file(ctx, parameters.source) as source, ExitStack() as unless_delivered:
        size = size_bytes(source)
        if parameters.part_bytes is not None and size > parameters.part_bytes * PARTS_MAX:
            raise _too_many()
        for part in _parts(source, parameters):
            if len(outputs) == PARTS_MAX:
                raise _too_many()
            with new_file(ctx, parameters.source, stem, ending, number=len(outputs) + 1) as made:
                output = Output(made.stream)
                for chunk in part:
                    output.write(chunk)
                    ctx.progress(percent(source.tell(), size), "splitting", parts=len(outputs))
            unless_delivered.callback(remove_file, ctx, made.name, made.file_id)
            outputs.append(
                Piece(
                    entry=None,
                    output=made.name,
                    output_file_id=made.file_id,
                    output_bytes=output.size_bytes,
                    output_sha256=output.sha256,
                )
            )
        unless_delivered.pop_all()
    return Unpacked(
        operation="split",
        filename=parameters.source,
        size_bytes=size,
        outputs=outputs,
        output_bytes=sum(each.output_bytes for each in outputs),
    )


def merge(ctx: Context, parameters: FileParameters) -> Packed:
    """The bytes of all files, one behind the other, with the first one's ending."""
    names = parameters.sources
    total = 0
    with new_file(ctx, names[0], "merged", split_ending(names[0])[1]) as made:
        output = Output(made.stream)
        for number, name in enumerate(names):
            ctx.progress(percent(number, len(names)), "merging", files=number)
            with read_file(ctx, name) as source:
                while chunk := source.read(CHUNK_BYTES):
                    output.write(chunk)
                    ctx.check_cancelled()
                total += size_bytes(source)
    return Packed(
        operation="merge",
        filenames=names,
        size_bytes=total,
        output=made.name,
        output_file_id=made.file_id,
        output_bytes=output.size_bytes,
        output_sha256=output.sha256,
    )


def _too_many() -> Fail:
    return Fail(f"These would be more than {PARTS_MAX:,} parts: make them larger")


def _parts(source: BinaryIO, parameters: FileParameters) -> Iterator[Iterator[bytes]]:
    """The pieces of each part. A part must be gone through before the next is asked for."""
    size = size_bytes(source)
    while source.tell() < size:
        if parameters.part_bytes is not None:
            yield _next_bytes(source, parameters.part_bytes)
        elif parameters.part_lines is not None:
            yield _next_lines(source, parameters.part_lines)


def _next_bytes(source: BinaryIO, count: int) -> Iterator[bytes]:
    while count and (chunk := source.read(min(count, CHUNK_BYTES))):
        count -= len(chunk)
        yield chunk


def _next_lines(source: BinaryIO, count: int) -> Iterator[bytes]:
    while chunk := source.read(_LINES_BYTES):
        lines = chunk.count(b"\n")
        if lines >= count:
            end = 0
            for _ in range(count):
                end = chunk.index(b"\n", end) + 1
            source.seek(end - len(chunk), os.SEEK_CUR)
            yield chunk[:end]
            return
        count -= lines
        yield chunk
