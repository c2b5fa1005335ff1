"""What commands print: tables for people, JSON for programs, ids for other commands."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from task_system.model.time import span

F = TypeVar("F", bound=Callable[..., Any])
Json = dict[str, Any]
Output = Literal["table", "json", "ids"]

COLOURS = {
    "success": "green",
    "failure": "red",
    "started": "cyan",
    "retry": "yellow",
    "pending": "default",
    "scheduled": "blue",
    "cancelled": "magenta",
    "expired": "magenta",
}
#: Of a table that nobody sees: wide enough that nothing is cut.
_WIDE = 400

#: A column: what is above it, what is in it, and how it is set.
Column = tuple[str, Callable[[Json], object], Json]


def console(*, stderr: bool = False) -> Console:
    """Where to print; without colours, and as wide as may be, where no terminal is."""
    made = Console(stderr=stderr, highlight=False, soft_wrap=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=_WIDE)


def shown(*choices: Output) -> Callable[[F], F]:
    """Give a command `-o`."""
    choices = choices or ("table", "json", "ids")
    return click.option(
        "-o",
        "--output",
        type=click.Choice(choices),
        default="table",
        show_default=True,
        help="How it is printed" + ("; ids are for other commands to read." if "ids" in choices else "."),
    )


def as_json(value: Any) -> None:
    """Print JSON, indented; in colours on a terminal."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if sys.stdout.isatty():
        Console().print_json(text)
    else:
        click.echo(text)


def as_ids(entries: Iterable[Json], key: str = "task_id") -> None:
    """Print an id to a line."""
    for entry in entries:
        click.echo(entry[key])


def as_list(
    entries: Sequence[Json],
    output: Output,
    columns: Sequence[Column],
    *,
    nothing: str,
    key: str = "task_id",
    answer: Any = None,
) -> None:
    """Print a list as it is wanted. key: of its ids. answer: what JSON is to show instead of the entries alone."""
    if output == "json":
        as_json(entries if answer is None else answer)
    elif output == "ids":
        as_ids(entries, key)
    else:
        as_table(entries, columns, nothing=nothing)


def as_table(entries: Sequence[Json], columns: Sequence[Column], *, nothing: str) -> None:
    """Print a table, or what it means that there is nothing."""
    if not entries:
        click.echo(nothing, err=True)
        return
    set_out(table(entries, columns))


def table(entries: Iterable[Json], columns: Sequence[Column]) -> Table:
    """A plain table: no lines, room between columns."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title, _, style in columns:
        made.add_column(title, **style)
    for entry in entries:
        made.add_row(*(_cell(cell(entry)) for _, cell, _ in columns))
    return made


def as_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print names and values, those that there are."""
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in facts:
        if value not in (None, "", [], {}):
            made.add_row(name, _cell(value))
    set_out(made)


def set_out(made: Table) -> None:
    """Print a table; where no terminal is, without the blanks that fill its last column."""
    to = console()
    if to.is_terminal:
        to.print(made)
        return
    with to.capture() as captured:
        to.print(made)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


class Marked(str):
    """Text with rich's marks in it; all other text is set as it is."""

    __slots__ = ()


def state(status: str) -> Marked:
    """A task's status in its colour."""
    return Marked(f"[{COLOURS.get(status, 'default')}]{escape(status)}[/]")


def ago(moment: str | None) -> str:
    """How long ago, or in how long, in one unit."""
    if not moment:
        return ""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def number(value: float | None) -> str:
    """With thousands apart."""
    return "" if value is None else f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def size(count: int) -> str:
    """Bytes in the unit that suits them."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return ""


def _cell(value: object) -> str:
    if isinstance(value, Marked):
        return value
    if isinstance(value, dict | list):
        return escape(json.dumps(value, ensure_ascii=False))
    return escape("" if value is None else str(value))
