"""The task type: find out what was sent, go through it, answer its statistics."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TextIO

from task_system import Context, Fail, RetryPolicy, task_type
from task_system.task_types.csv_text import SAMPLE_CHARACTERS, Layout, Row, assume, detect, rows, titles
from task_system.task_types.data_files import percent, read_text, split_ending
from task_system.task_types.data_processing.columns import ColumnStatistics
from task_system.task_types.data_processing.models import (
    DataParameters,
    MalformedRow,
    Scalar,
    TableStatistics,
    TextStatistics,
)
from task_system.task_types.data_processing.words import WordStatistics, pieces

FILE_MAX_BYTES = 32 * 1024 * 1024
TABLE_MAX_COLUMNS = 1000
TABLE_MAX_VALUES = 5_000_000

#: Different values that are kept of all columns of a table together, for counting them.
_DISTINCT_VALUES = 200_000
_DISTINCT_VALUES_PER_COLUMN = 100
_SHOWN_MALFORMED = 20

#: Values or words between two looks for a cancel, some hundredths of a second.
_STEP = 10_000


@dataclass(frozen=True, slots=True)
class _Text:
    """A text to go through, once, from its start."""

    stream: TextIO
    sample: str
    percent: Callable[[], float]


@task_type(
    "data_processing",
    lane="data_processing",
    # what these say of the same data they say again
    retry=RetryPolicy(max_attempts=3, not_for=(ValueError, TypeError, ArithmeticError, LookupError)),
    timeout_s=600,
    example={"data": "test data"},
)
def data_processing(ctx: Context, parameters: DataParameters) -> TextStatistics | TableStatistics:
    """Answers the statistics of a text, of numbers, of records or of CSV, sent along or in a file."""
    if isinstance(parameters.data, list):
        return _of_list(ctx, parameters.data)
    layout = _layout(ctx, parameters)
    with _text(ctx, parameters, newline=None if layout is None else "") as text:
        return _of_prose(ctx, text) if layout is None else _of_csv(ctx, text, layout)


def _layout(ctx: Context, parameters: DataParameters) -> Layout | None:
    """How the CSV is written; None for prose."""
    if parameters.format == "text":
        return None
    ending = split_ending(parameters.file)[1].lower() if parameters.file else ""
    if parameters.format == "auto" and ending in {".json", ".ndjson", ".jsonl"}:
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
        yield _Text(stream, data[:SAMPLE_CHARACTERS], lambda: percent(stream.tell(), len(data)))
        return
    with read_text(ctx, parameters.file, newline=newline) as file:
        if file.size_bytes > FILE_MAX_BYTES:
            raise Fail(
                f"`{parameters.file}` has {file.size_bytes:,} bytes; at most {FILE_MAX_BYTES:,} can be processed: "
                "split it"
            )
        sample = file.stream.read(SAMPLE_CHARACTERS)
        file.stream.seek(0)
        yield _Text(file.stream, sample, file.percent)


def _of_prose(ctx: Context, text: _Text) -> TextStatistics:
    words = WordStatistics()
    pending = 0
    for piece in pieces(text.stream):
        words.add(piece)
        pending += len(piece)
        if pending >= _STEP:
            pending = 0
            ctx.progress(text.percent(), "counting words", words=words.words)
    return words.result()


def _of_csv(ctx: Context, text: _Text, layout: Layout) -> TableStatistics:
    table = _Table(ctx, text.percent)
    malformed: list[MalformedRow] = []
    malformed_rows = 0
    for row in rows(text.stream, layout.delimiter):
        if not table.columns:
            _start(table, row, layout)
        elif reason := row.malformed or table.misfit(row.cells):
            malformed_rows += 1
            if len(malformed) < _SHOWN_MALFORMED:
                malformed.append(MalformedRow(line=row.line, reason=reason))
        else:
            table.add_cells(row.cells)
    return TableStatistics(
        format="csv",
        rows=table.rows,
        columns=[column.result() for column in table.columns],
        delimiter=layout.delimiter,
        header=layout.header,
        malformed_rows=malformed_rows,
        malformed=malformed,
    )


def _start(table: "_Table", row: Row, layout: Layout) -> None:
    """The first row makes the columns."""
    if row.malformed:
        raise Fail(f"The first row of the CSV, in line {row.line}, is malformed: {row.malformed}")
    if layout.header:
        table.make_columns(titles(row.cells))
    else:
        table.make_columns([f"column_{number}" for number in range(1, len(row.cells) + 1)])
        table.add_cells(row.cells)


def _of_list(ctx: Context, data: list[int | float | None] | list[dict[str, Scalar]]) -> TableStatistics:
    is_records = bool(data) and isinstance(data[0], dict)
    records = [element if isinstance(element, dict) else {"value": element} for element in data]
    table = _Table(ctx, lambda: percent(table.rows, len(records)))
    names = dict.fromkeys(name for record in records for name in record)
    table.make_columns(list(names) if is_records else ["value"])
    by_name = {column.name: column for column in table.columns}
    for record in records:
        for name, value in record.items():
            by_name[name].add(value)
        table.count_row(len(record))
    for column in table.columns:
        column.fill_up(table.rows)
    return TableStatistics(
        format="records" if is_records else "numbers",
        rows=table.rows,
        columns=[column.result() for column in table.columns],
    )


class _Table:
    """The columns of a table, within the limits of what one task may take, and the progress through it."""

    def __init__(self, ctx: Context, percent_done: Callable[[], float]) -> None:
        self.columns: list[ColumnStatistics] = []
        self.rows = 0
        self._values = 0
        self._next_look = _STEP
        self._ctx = ctx
        self._percent_done = percent_done

    def make_columns(self, names: list[str]) -> None:
        if len(names) > TABLE_MAX_COLUMNS:
            raise Fail(f"The table has {len(names):,} columns; at most {TABLE_MAX_COLUMNS:,} can be processed")
        limit = max(_DISTINCT_VALUES_PER_COLUMN, _DISTINCT_VALUES // max(1, len(names)))
        self.columns = [ColumnStatistics(name, distinct_limit=limit) for name in names]

    def misfit(self, cells: list[str]) -> str | None:
        """Why a row does not fit the columns; None when it does."""
        if len(cells) == len(self.columns):
            return None
        return f"{len(cells)} cells where the first row has {len(self.columns)}"

    def add_cells(self, cells: list[str]) -> None:
        for column, cell in zip(self.columns, cells, strict=True):
            column.add_cell(cell)
        self.count_row(len(cells))

    def count_row(self, values: int) -> None:
        """A row was added: keep to the limits, and now and then say how far it is."""
        self.rows += 1
        self._values += values
        if self._values > TABLE_MAX_VALUES:
            raise Fail(f"The table has more than {TABLE_MAX_VALUES:,} values: split it")
        if self._values >= self._next_look:
            self._next_look = self._values + _STEP
            self._ctx.progress(self._percent_done(), "reading rows", rows=self.rows)
