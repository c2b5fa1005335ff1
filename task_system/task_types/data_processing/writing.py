"""The resulting table as a file."""

import csv
import json
from collections.abc import Callable
from typing import BinaryIO

from task_system import Fail
from task_system.task_types.data_processing.models import Scalar
from task_system.task_types.data_processing.reading import Record

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def writer(stream: BinaryIO, kind: str, columns: list[str] | None) -> Callable[[Record], None]:
    """What writes a row. `columns`: those of the table, where they are known before its rows.

    Raises Fail for CSV without them.
    """
    if kind == "ndjson":
        return lambda row: _write_ndjson(stream, row)
    if columns is None:
        raise Fail("CSV has its columns in the first line: say which with `select`, or write `ndjson`")
    names = columns
    write_row = csv.writer(_Utf8(stream)).writerow
    if names:
        write_row(names)
    return lambda row: write_row([_cell(row.get(name)) for name in names]) and None


def _write_ndjson(stream: BinaryIO, row: Record) -> None:
    stream.write(_ENCODER.encode(row).encode("utf-8", "replace") + b"\n")


def _cell(value: Scalar) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else _ENCODER.encode(value)


class _Utf8:
    """What `csv.writer` writes to."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(text.encode("utf-8", "replace"))
