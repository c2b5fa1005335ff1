"""CSV as it is found in the wild: which delimiter, whether there is a header, and whether it is CSV at all."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

#: How much of a text is looked at to tell what it is, in characters.
SAMPLE_CHARACTERS = 64 * 1024

_SAMPLE_ROWS = 50
# the comma last: where decimals are written with commas, it stands inside the cells
_DELIMITERS = ("\t", ";", "|", ",")
_LONGEST_TITLE = 64
_MOST_WORDS_IN_TITLE = 4

_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[+-]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}.{0,24})?")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a CSV text is written."""

    delimiter: str
    #: Whether its first row names the columns.
    header: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One row, or why there is none: `malformed` says it."""

    #: Where the row begins, from 1.
    line: int
    cells: list[str]
    malformed: str | None = None


def detect(text: str) -> Layout | None:
    """The layout when `text` (a whole text, or its first `SAMPLE_CHARACTERS`) is CSV beyond doubt, else None.

    CSV has at least two rows of one and the same number of cells, two or more. Its first row holds values already, or
    titles that look like titles. Prose with a comma in each line fits that by chance, and shows itself by the space
    behind the comma: then a column of numbers or dates must be there too.
    """
    for delimiter in _DELIMITERS:
        sample = _sample(text, delimiter)
        if len(sample) < 2 or len(sample[0]) < 2 or len({len(row) for row in sample}) > 1:
            continue
        header = is_header(sample[0])
        valued = _has_column_of_values(sample[1:] if header else sample)
        titled = not header or all(_is_title(cell, may_be_empty=valued) for cell in sample[0])
        if titled and (valued or not _spaced(text, delimiter)):
            return Layout(delimiter, header)
    return None


def assume(text: str) -> Layout:
    """The likeliest layout of a text of which it is known that it is CSV."""
    found = detect(text)
    if found:
        return found
    line = next((line for line in text[:SAMPLE_CHARACTERS].splitlines() if line.strip()), "")
    # of those that occur equally often, not at all for example, the comma
    delimiter = max(reversed(_DELIMITERS), key=line.count)
    first = next(rows([line], delimiter), None)
    return Layout(delimiter, is_header(first.cells if first else []))


def is_header(cells: list[str]) -> bool:
    """Whether a first row names the columns: none of its cells is a number or a date."""
    return not any(_is_value(cell) for cell in cells)


def rows(lines: Iterable[str], delimiter: str, *, verbatim: bool = False) -> Iterator[Row]:
    """Each row that is not blank, malformed ones too: one that breaks the rules of quoting ends where its line ends.

    verbatim: a space behind a delimiter belongs to the cell.
    """
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=not verbatim, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, [], malformed=str(error))
            continue
        if cells:
            yield Row(line, cells)


def titles(cells: list[str]) -> list[str]:
    """Names of the columns from a header row: none empty, none twice."""
    names: list[str] = []
    taken = {cell.strip() for cell in cells}
    seen: set[str] = set()
    for number, cell in enumerate(cells, 1):
        wanted = cell.strip() or f"column_{number}"
        name, copy = wanted, 2
        while name in seen or (name != cell.strip() and name in taken):
            name, copy = f"{wanted}_{copy}", copy + 1
        seen.add(name)
        names.append(name)
    return names


def number_of(cell: str) -> int | float | None:
    """The number that a cell holds, else None. `007` and `1_000` are texts, as is what no float can hold."""
    if _INTEGER.fullmatch(cell) and len(cell) <= 19:
        return int(cell)
    if _DECIMAL.fullmatch(cell):
        value = float(cell)
        return value if abs(value) != float("inf") else None
    return None


def moment_of(cell: str) -> datetime | None:
    """The ISO 8601 date or time that a cell holds, else None."""
    if not _DATE.fullmatch(cell):
        return None
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        return None


def _sample(text: str, delimiter: str) -> list[list[str]]:
    """The first rows of a text; none when one of them breaks the rules of quoting."""
    source = rows(io.StringIO(text[:SAMPLE_CHARACTERS], newline=""), delimiter)
    found = list(islice(source, _SAMPLE_ROWS))
    if len(found) < _SAMPLE_ROWS and len(text) >= SAMPLE_CHARACTERS:
        del found[-1:]  # it may be cut off
    return [] if any(row.malformed for row in found) else [row.cells for row in found]


def _is_title(cell: str, *, may_be_empty: bool) -> bool:
    return (
        (may_be_empty or bool(cell.strip()))
        and len(cell) <= _LONGEST_TITLE
        and len(cell.split()) <= _MOST_WORDS_IN_TITLE
        and not cell.rstrip().endswith((".", "!", "?", ":"))
    )


def _is_value(cell: str) -> bool:
    # `1,5` between semicolons is a number to whoever wrote it, if not to us
    cell = cell.strip().replace(",", ".")
    return number_of(cell) is not None or moment_of(cell) is not None


def _has_column_of_values(body: list[list[str]]) -> bool:
    return any(all(map(_is_value, column)) for column in zip(*body, strict=True))


def _spaced(text: str, delimiter: str) -> bool:
    """Whether most delimiters are followed by a space, as in prose."""
    sample = text[:SAMPLE_CHARACTERS]
    return sample.count(f"{delimiter} ") * 2 > sample.count(delimiter)
