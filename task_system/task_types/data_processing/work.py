"""Find out what was sent, go through it, answer its statistics."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TextIO

from task_system import Context, Fail
from task_system.task_types.csv_text import SAMPLE_CHARACTERS, Layout, assume, detect
from task_system.task_types.data_files import named, percent, read_text, split_ending
from task_system.task_types.data_processing.models import DataParameters, TableStatistics, TextStatistics
from task_system.task_types.data_processing.reading import of_csv, of_list, of_ndjson
from task_system.task_types.data_processing.table import process
from task_system.task_types.data_processing.words import WordStatistics, pieces

#: Prose. A table may have any size.
FILE_MAX_BYTES = 32 * 1024 * 1024

_NDJSON = frozenset({".ndjson", ".jsonl"})

#: Words between two looks for a cancel, some hundredths of a second.
_STEP = 10_000


@dataclass(frozen=True, slots=True)
class _Text:
    """A text to go through, once, from its start."""

    stream: TextIO
    sample: str
    percent: Callable[[], float]
    size_bytes: int


def examine(ctx: Context, parameters: DataParameters) -> TextStatistics | TableStatistics:
    """Answer the statistics of what was sent, or of the table that its steps make of it."""
    if parameters.file is not None:
        parameters = parameters.model_copy(update={"file": named(ctx, parameters.file)})
    if isinstance(parameters.data, list):
        return process(ctx, parameters, of_list(parameters.data))
    ending = split_ending(parameters.file)[1].lower() if parameters.file else ""
    if parameters.format == "ndjson" or (parameters.format == "auto" and ending in _NDJSON):
        return _of_ndjson(ctx, parameters)
    layout = _layout(ctx, parameters, ending)
    if layout is None and parameters.has_steps:
        raise Fail("This is prose, which has no rows: send `format` if it is CSV, or leave the steps out")
    with _text(ctx, parameters, newline=None if layout is None else "") as text:
        if layout is None:
            return _of_prose(ctx, text)
        return process(ctx, parameters, of_csv(text.stream, layout, text.percent, parameters))


def _of_ndjson(ctx: Context, parameters: DataParameters) -> TableStatistics:
    if parameters.file is None:
        raise Fail("NDJSON is read from a file: send its name as `file`, or the records as a list in `data`")
    with of_ndjson(ctx, parameters.file, parameters) as source:
        return process(ctx, parameters, source)


def _layout(ctx: Context, parameters: DataParameters, ending: str) -> Layout | None:
    """How the CSV is written; None for prose."""
    if parameters.format == "text":
        return None
    if parameters.format == "auto" and ending == ".json":
        raise Fail(
            f"`{parameters.file}` is JSON by its name: make CSV of it with file_processing, operation `convert`, "
            "or send `format` to have it taken for `text` or `csv`"
        )
    known = parameters.format == "csv" or parameters.header is not None or ending in {".csv", ".tsv"}
    with _text(ctx, parameters, newline="") as text:
        layout = assume(text.sample) if known else detect(text.sample)
    if layout and parameters.header is not None:
        return replace(layout, header=parameters.header)
    return layout


@contextmanager
def _text(ctx: Context, parameters: DataParameters, *, newline: str | None) -> Iterator[_Text]:
    if parameters.file is None:
        data = str(parameters.data)
        stream = io.StringIO(data, newline=newline)
        yield _Text(stream, data[:SAMPLE_CHARACTERS], lambda: percent(stream.tell(), len(data)), len(data))
        return
    with read_text(ctx, parameters.file, newline=newline) as file:
        sample = file.stream.read(SAMPLE_CHARACTERS)
        file.stream.seek(0)
        yield _Text(file.stream, sample, file.percent, file.size_bytes)


def _of_prose(ctx: Context, text: _Text) -> TextStatistics:
    if text.size_bytes > FILE_MAX_BYTES:
        raise Fail(f"Prose of {text.size_bytes:,} bytes; at most {FILE_MAX_BYTES:,} can be processed: split it")
    words = WordStatistics()
    pending = 0
    for piece in pieces(text.stream):
        words.add(piece)
        pending += len(piece)
        if pending >= _STEP:
            pending = 0
            ctx.progress(text.percent(), "counting words", words=words.words)
    return words.result()
