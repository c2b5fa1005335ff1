"""Operation `convert`: records from one of CSV, JSON and NDJSON to another.

What is in a cell of CSV stays the text that it is, so `007` survives the way to JSON and back. The other way a value
that is no text is written as JSON, null as an empty cell; records that differ in their fields make the columns
together.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from task_system import Context, Fail
from task_system.task_types.csv_text import SAMPLE_CHARACTERS, assume, rows, titles
from task_system.task_types.data_files import TextFile, new_file, read_text, split_ending
from task_system.task_types.file_processing.models import FileMade, FileParameters, Format
from task_system.task_types.file_processing.progress import Output
from task_system.task_types.json_text import decoder

#: A JSON document is read as a whole. NDJSON is not, nor is CSV.
JSON_MAX_CHARACTERS = 32 * 1024 * 1024
LINE_MAX_CHARACTERS = 4 * 1024 * 1024
CSV_MAX_COLUMNS = 1000

_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
}

#: Records between two progress reports.
_STEP = 500


def convert(ctx: Context, parameters: FileParameters) -> FileMade:
    """A new file with the same records in `target_format`. Raises Fail that names the line of what cannot be read."""
    target = parameters.target_format
    assert target is not None
    source = parameters.source_format or _format_of(parameters.source)
    if source == target:
        raise Fail(f"`{parameters.source}` is {target} already: choose another `target_format`, or say `source_format`")
    newline = "" if source == "csv" else "\n"
    stem, _ = split_ending(parameters.source)
    with (
        read_text(ctx, parameters.source, newline=newline) as file,
        new_file(ctx, parameters.source, stem, f".{target}") as made,
    ):
        records = _Records(ctx, file, _READERS[source], passes=2 if target == "csv" else 1)
        output = Output(made.stream, max_bytes=parameters.max_output_bytes)
        try:
            _WRITERS[target](records, output)
        except RecursionError:
            raise Fail(f"`{parameters.source}` is nested too deeply") from None
        except UnicodeEncodeError:
            raise Fail(
                f"`{parameters.source}` holds half a surrogate pair, which UTF-8 cannot write: remove it"
            ) from None
    return FileMade(
        operation="convert",
        filename=parameters.source,
        size_bytes=file.size_bytes,
        output=made.name,
        output_file_id=made.file_id,
        output_bytes=output.size_bytes,
        output_sha256=output.sha256,
        ratio=None,
        records=records.count,
    )


def _format_of(filename: str) -> Format:
    ending = split_ending(filename)[1].lower()
    if ending not in _FORMATS:
        raise Fail(f"The name `{filename}` does not tell its format: send `source_format` (csv, json or ndjson)")
    return _FORMATS[ending]


class _Records:
    """The records of a file. May be gone through as often as was said, with progress over all passes."""

    def __init__(
        self, ctx: Context, file: TextFile, reader: Callable[[io.TextIOWrapper], Iterator[Any]], *, passes: int
    ) -> None:
        self._ctx = ctx
        self._file = file
        self._reader = reader
        self._passes = passes
        self._done = 0
        #: How many there were, in the latest pass.
        self.count = 0

    def __iter__(self) -> Iterator[Any]:
        self._file.stream.seek(0)
        self.count = 0
        for record in self._reader(self._file.stream):
            self.count += 1
            if self.count % _STEP == 0:
                percent = (100 * self._done + self._file.percent()) / self._passes
                self._ctx.progress(percent, "converting", records=self.count)
            yield record
        self._done += 1

    def of_objects(self) -> Iterator[dict[str, Any]]:
        """The records, of which each must have fields."""
        for number, record in enumerate(self, 1):
            if not isinstance(record, dict):
                raise Fail(f"Record {number} is no object, so it has no columns: only a list of objects makes CSV")
            yield record


def _read_csv(stream: io.TextIOWrapper) -> Iterator[dict[str, str]]:
    delimiter = assume(stream.read(SAMPLE_CHARACTERS)).delimiter
    stream.seek(0)
    names: list[str] | None = None
    for row in rows(stream, delimiter, verbatim=True):
        if row.malformed:
            raise Fail(f"Line {row.line} is malformed: {row.malformed}")
        if names is None:
            names = titles(row.cells)
        elif len(row.cells) != len(names):
            raise Fail(f"Line {row.line} has {len(row.cells)} cells where the header has {len(names)}")
        else:
            yield dict(zip(names, row.cells, strict=True))


def _read_json(stream: io.TextIOWrapper) -> Iterator[Any]:
    text = stream.read(JSON_MAX_CHARACTERS + 1)
    if len(text) > JSON_MAX_CHARACTERS:
        raise Fail(
            f"A JSON document of more than {JSON_MAX_CHARACTERS:,} characters cannot be converted: make it NDJSON"
        )
    try:
        document = _DECODER.decode(text)
    except ValueError as error:
        raise Fail(f"The file is no JSON document: {error}") from None
    yield from document if isinstance(document, list) else [document]


def _read_ndjson(stream: io.TextIOWrapper) -> Iterator[Any]:
    number = 0
    while line := stream.readline(LINE_MAX_CHARACTERS + 1):
        number += 1
        if len(line) > LINE_MAX_CHARACTERS:
            raise Fail(f"Line {number} has more than {LINE_MAX_CHARACTERS:,} characters: is this one record per line?")
        if line.isspace():
            continue
        try:
            yield _DECODER.decode(line)
        except ValueError as error:
            raise Fail(f"Line {number} is not JSON: {error}") from None


def _write_json(records: _Records, output: Output) -> None:
    separator = b"[\n"
    for record in records:
        output.write(separator + _ENCODER.encode(record).encode())
        separator = b",\n"
    output.write(b"\n]\n" if records.count else b"[]\n")


def _write_ndjson(records: _Records, output: Output) -> None:
    for record in records:
        output.write(_ENCODER.encode(record).encode() + b"\n")


def _write_csv(records: _Records, output: Output) -> None:
    columns = _columns(records.of_objects())
    writer = csv.writer(_Utf8(output))
    if columns:
        writer.writerow(columns)
    for record in records.of_objects():
        if not columns.keys() >= record.keys():
            raise Fail("The file was changed while it was read: try again when it is complete")
        writer.writerow([_cell(record.get(name)) for name in columns])


def _columns(records: Iterable[dict[str, Any]]) -> dict[str, None]:
    """The fields of all records in the order in which they first occur."""
    columns: dict[str, None] = {}
    for record in records:
        columns.update(dict.fromkeys(record))
        if len(columns) > CSV_MAX_COLUMNS:
            raise Fail(f"The records have more than {CSV_MAX_COLUMNS:,} different fields, too many columns for CSV")
    return columns


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _ENCODER.encode(value)


class _Utf8:
    """What `csv.writer` writes to."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def write(self, text: str) -> int:
        return self._output.write(text.encode())


# made once: json.loads() and json.dumps() make one per call where they are told anything, which takes longer than
# the call
_DECODER = decoder()
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

_READERS: dict[Format, Callable[[io.TextIOWrapper], Iterator[Any]]] = {
    "csv": _read_csv,
    "json": _read_json,
    "ndjson": _read_ndjson,
}
_WRITERS: dict[Format, Callable[[_Records, Output], None]] = {
    "csv": _write_csv,
    "json": _write_json,
    "ndjson": _write_ndjson,
}
