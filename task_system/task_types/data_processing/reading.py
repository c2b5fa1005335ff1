"""Where rows come from: CSV, NDJSON, or what was sent as a list. One at a time, whatever the size of the file."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, TextIO

from task_system import Context, Fail
from task_system.task_types.csv_text import Layout, rows, titles
from task_system.task_types.data_files import percent, read_file, size_bytes
from task_system.task_types.data_processing.models import DataParameters, MalformedRow, Scalar
from task_system.task_types.json_text import decoder, finite

LINE_MAX_CHARACTERS = 4 * 1024 * 1024
_SHOWN_MALFORMED = 20
_SHOWN_REASON = 200

Record = dict[str, Scalar]


class Malformed:
    """The rows that could not be read."""

    def __init__(self, on_malformed: Literal["skip", "fail"]) -> None:
        self.count = 0
        self.first: list[MalformedRow] = []
        self._fails = on_malformed == "fail"

    def add(self, line: int, reason: str) -> None:
        """Raises Fail when that is what the caller wants."""
        if self._fails:
            raise Fail(f"Line {line} is malformed: {reason[:_SHOWN_REASON]}")
        self.count += 1
        if len(self.first) < _SHOWN_MALFORMED:
            self.first.append(MalformedRow(line=line, reason=reason[:_SHOWN_REASON]))


@dataclass(frozen=True, slots=True)
class Source:
    """A table to go through, once, from its start."""

    format: Literal["csv", "ndjson", "records", "numbers"]
    rows: Iterable[Record]
    #: None where each row brings its own.
    columns: list[str] | None
    #: How far reading is, from 0 to 100.
    percent: Callable[[], float]
    malformed: Malformed
    layout: Layout | None = None


def of_list(data: list[int | float | None] | list[dict[str, Scalar]]) -> Source:
    """What was sent as a list of records or of numbers."""
    is_records = bool(data) and isinstance(data[0], dict)
    done = 0

    def records() -> Iterator[Record]:
        nonlocal done
        for done, element in enumerate(data, 1):  # noqa: B007 - `percent` reads it
            yield element if isinstance(element, dict) else {"value": element}

    names = dict.fromkeys(name for element in data if isinstance(element, dict) for name in element)
    return Source(
        "records" if is_records else "numbers",
        records(),
        list(names) if is_records else ["value"],
        lambda: percent(done, len(data)),
        Malformed("skip"),
    )


def of_csv(stream: TextIO, layout: Layout, percent_done: Callable[[], float], parameters: DataParameters) -> Source:
    """A CSV text. Raises Fail when its first row is malformed."""
    malformed = Malformed(parameters.on_malformed)
    lines = _Lines(stream)
    found = rows(lines, layout.delimiter)
    first = next(found, None)
    lines.start_row()
    if first is not None and first.malformed:
        raise Fail(f"The first row of the CSV, in line {first.line}, is malformed: {first.malformed}")
    cells = first.cells if first is not None else []
    columns = titles(cells) if layout.header else [f"column_{number}" for number in range(1, len(cells) + 1)]

    def records() -> Iterator[Record]:
        if cells and not layout.header:
            yield dict(zip(columns, cells, strict=True))
        for row in found:
            lines.start_row()
            if row.malformed:
                malformed.add(row.line, row.malformed)
            elif len(row.cells) != len(columns):
                malformed.add(row.line, f"{len(row.cells)} cells where the first row has {len(columns)}")
            else:
                yield dict(zip(columns, row.cells, strict=True))

    return Source("csv", records(), columns, percent_done, malformed, layout)


@contextmanager
def of_ndjson(ctx: Context, name: str, parameters: DataParameters) -> Iterator[Source]:
    """An NDJSON file."""
    malformed = Malformed(parameters.on_malformed)
    with read_file(ctx, name) as stream:
        size = size_bytes(stream)
        rows_found = _ndjson_records(stream, malformed)
        yield Source("ndjson", rows_found, None, lambda: percent(stream.tell(), size), malformed)


def _ndjson_records(stream: BinaryIO, malformed: Malformed) -> Iterator[Record]:
    number = 0
    while line := stream.readline(LINE_MAX_CHARACTERS + 1):
        number += 1
        if len(line) > LINE_MAX_CHARACTERS:
            raise _too_long(number)
        if line.isspace():
            continue
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            value = _DECODER.decode(text.strip())
        except RecursionError:
            malformed.add(number, "nested too deeply")
        except ValueError as error:
            malformed.add(number, f"not JSON: {error}")
        else:
            if isinstance(value, dict):
                yield {name: _scalar(each) for name, each in value.items()}
            else:
                malformed.add(number, "no object")


class _Lines:
    """The lines of a text, none longer than what can be held, nor all lines of one row together."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._number = 0
        self._characters = 0

    def start_row(self) -> None:
        self._characters = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._stream.readline(LINE_MAX_CHARACTERS + 1)
        if not line:
            raise StopIteration
        self._number += 1
        self._characters += len(line)
        if self._characters > LINE_MAX_CHARACTERS:
            raise _too_long(self._number)
        return line


def _too_long(line: int) -> Fail:
    return Fail(f"The row in line {line} has more than {LINE_MAX_CHARACTERS:,} characters: is this one row per line?")


def _scalar(value: Any) -> Scalar:
    """What is nested becomes its JSON text."""
    return value if isinstance(value, str | int | float | None) else _ENCODER.encode(value)


def _integer(text: str) -> int | float:
    """Beyond what any counter holds it is a measure."""
    return int(text) if len(text) <= 19 else finite(text)


_DECODER = decoder(integer=_integer)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
