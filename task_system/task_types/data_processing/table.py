"""A table's way from its source to its statistics and its file."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack

from task_system import Context, Fail
from task_system.task_types.data_files import new_file, split_ending
from task_system.task_types.data_processing.columns import ColumnStatistics
from task_system.task_types.data_processing.models import DataParameters, OutputFile, Scalar, TableStatistics
from task_system.task_types.data_processing.numbers_of_column import Room
from task_system.task_types.data_processing.reading import Record, Source
from task_system.task_types.data_processing.spilling import deduplicated, sorted_rows
from task_system.task_types.data_processing.steps import as_it_is, filtered, grouped, of_cell, selected
from task_system.task_types.data_processing.writing import writer

TABLE_MAX_COLUMNS = 1000

#: Different values that are kept of all columns of a table together, for counting them.
DISTINCT_VALUES = 200_000
_DISTINCT_VALUES_PER_COLUMN = 100
#: Where columns turn up as rows come, so many are expected.
_COLUMNS_EXPECTED = 100
#: Numbers that are kept of all columns together, for exact quantiles: 8 MB.
KEPT_NUMBERS = 1_000_000

#: Values between two looks for a cancel, some hundredths of a second.
STEP = 10_000

_SHOWN_ROWS = 20
_SHOWN_CHARACTERS = 200


def process(ctx: Context, parameters: DataParameters, source: Source) -> TableStatistics:
    """Take the source through all steps. Raises Fail for what cannot be done with it."""
    rows = _Steps(ctx, parameters, source)
    statistics = Statistics(rows.columns, reads_cells=source.format == "csv")
    first_rows: list[Record] = []
    output: OutputFile | None = None
    with ExitStack() as opened:
        write = None
        if parameters.output is not None:
            stem = split_ending(parameters.file)[0] if parameters.file else "data"
            made = opened.enter_context(new_file(ctx, parameters.file, stem, f".{parameters.output}"))
            write = writer(made.stream, parameters.output, rows.columns)
        for row in rows:
            statistics.add(row)
            if write is not None:
                write(row)
            if len(first_rows) < _SHOWN_ROWS and parameters.has_steps:
                first_rows.append({name: _shortened(value) for name, value in row.items()})
        if parameters.output is not None:
            made.stream.flush()
            output = OutputFile(name=made.name, file_id=made.file_id, size_bytes=made.stream.tell())
    return TableStatistics(
        format=source.format,
        rows=statistics.rows,
        rows_read=rows.read,
        columns=[column.result() for column in statistics.finish()],
        delimiter=source.layout.delimiter if source.layout else None,
        header=source.layout.header if source.layout else None,
        malformed_rows=source.malformed.count,
        malformed=source.malformed.first,
        first_rows=first_rows,
        output=output,
    )


def _shortened(value: Scalar) -> Scalar:
    return value[:_SHOWN_CHARACTERS] + "…" if isinstance(value, str) and len(value) > _SHOWN_CHARACTERS else value


class Statistics:
    """The statistics of a table, row by row, within the limits of what one task may take."""

    def __init__(self, columns: list[str] | None, *, reads_cells: bool) -> None:
        self.rows = 0
        self._by_name: dict[str, ColumnStatistics] = {}
        self._room = Room(KEPT_NUMBERS)
        self._reads_cells = reads_cells
        _check_columns(len(columns or ()))
        expected = _COLUMNS_EXPECTED if columns is None else max(1, len(columns))
        self._distinct_limit = max(_DISTINCT_VALUES_PER_COLUMN, DISTINCT_VALUES // expected)
        for name in columns or ():
            self._new(name)

    def add(self, row: Record) -> None:
        """One row. A column that it lacks is missing there."""
        self.rows += 1
        for name, value in row.items():
            column = self._by_name.get(name) or self._new(name)
            if self._reads_cells and isinstance(value, str):
                column.add_cell(value)
            else:
                column.add(value)

    def finish(self) -> list[ColumnStatistics]:
        """The columns, after the last row."""
        for column in self._by_name.values():
            column.fill_up(self.rows)
        return list(self._by_name.values())

    def _new(self, name: str) -> ColumnStatistics:
        _check_columns(len(self._by_name) + 1)
        column = ColumnStatistics(name, distinct_limit=self._distinct_limit, room=self._room)
        self._by_name[name] = column
        return column


def _check_columns(count: int) -> None:
    if count > TABLE_MAX_COLUMNS:
        raise Fail(f"The table has {count:,} columns; at most {TABLE_MAX_COLUMNS:,} can be processed")


class _Steps:
    """The rows of the resulting table, with progress over reading and, where rows wait for each other, over writing."""

    def __init__(self, ctx: Context, parameters: DataParameters, source: Source) -> None:
        self._ctx = ctx
        self._parameters = parameters
        self._source = source
        self._check_names()
        #: Of the resulting table; None where each row brings its own.
        self.columns = self._columns()
        #: Rows read so far.
        self.read = 0
        self._passes = 2 if parameters.sort or parameters.deduplicate or parameters.group_by else 1
        self._all_read = False
        self._percent = 0.0
        self._ticks = 0

    def __iter__(self) -> Iterator[Record]:
        wanted, folder = self._parameters, self._ctx.data_dir
        value = of_cell if self._source.format == "csv" else as_it_is
        rows: Iterable[Record] = self._reading()
        if wanted.filter:
            rows = filtered(rows, wanted.filter, value)
        if wanted.group_by is not None:
            rows = grouped(rows, wanted.group_by, value)
        if wanted.deduplicate:
            names = None if isinstance(wanted.deduplicate, bool) else wanted.deduplicate
            rows = deduplicated(rows, names, folder, self._tick)
        if wanted.select is not None:
            rows = selected(rows, wanted.select)
        if wanted.sort is not None:
            rows = sorted_rows(rows, wanted.sort, value, folder, self._tick)
        return self._finishing(rows) if self._passes == 2 else iter(rows)

    def _reading(self) -> Iterator[Record]:
        values, next_look = 0, STEP
        for row in self._source.rows:
            yield row
            self.read += 1
            values += len(row)
            if values >= next_look:
                next_look = values + STEP
                self._percent = self._source.percent() / self._passes
                self._ctx.progress(self._percent, "reading rows", rows=self.read)
        self._all_read = True

    def _finishing(self, rows: Iterable[Record]) -> Iterator[Record]:
        """How many rows there will be is not known, but not more than were read."""
        values = done = 0
        next_look = STEP
        for done, row in enumerate(rows, 1):
            yield row
            values += len(row)
            if values >= next_look and self._all_read:
                next_look = values + STEP
                self._percent = 50 + 50 * done / self.read
                self._ctx.progress(self._percent, "writing rows", rows=done)

    def _tick(self) -> None:
        """A row came from disk: now and then look for a cancel."""
        self._ticks += 1
        if self._ticks % (STEP // 10) == 0:
            self._ctx.progress(self._percent, "ordering rows", rows=self.read)

    def _columns(self) -> list[str] | None:
        wanted = self._parameters
        if wanted.select is not None:
            return wanted.select
        if wanted.group_by is not None:
            return [*wanted.group_by.columns, *(aggregate.name for aggregate in wanted.group_by.aggregates)]
        return self._source.columns

    def _check_names(self) -> None:
        """Raises Fail for a column that is not there, where that can be known before the rows."""
        wanted = self._parameters
        known = self._source.columns
        named = [condition.column for condition in wanted.filter]
        if wanted.group_by is not None:
            named += wanted.group_by.columns
            named += [each.column for each in wanted.group_by.aggregates if each.column is not None]
        if not isinstance(wanted.deduplicate, bool):
            named += wanted.deduplicate
        _check_known(named, known)
        if wanted.group_by is not None:
            known = [*wanted.group_by.columns, *(aggregate.name for aggregate in wanted.group_by.aggregates)]
        _check_known(wanted.select or [], known)
        _check_known(wanted.sort.columns if wanted.sort else [], wanted.select or known)


def _check_known(names: list[str], known: list[str] | None) -> None:
    for name in names:
        if known is not None and name not in known:
            there = ", ".join(known[:50])
            raise Fail(f"There is no column `{name}`. There are: {there}"[:1000])
