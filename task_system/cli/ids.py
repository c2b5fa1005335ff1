"""Ids on the command line, or one to a line on the standard input."""

import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def task_ids(command: F) -> F:
    """Give a command `task_ids`: those that it names; `-` reads them from the standard input."""
    made: F = click.argument("task_ids", nargs=-1, required=True, metavar="TASK_ID...", callback=_read)(command)
    return made


def _read(_ctx: click.Context, _parameter: click.Parameter, given: Iterable[str]) -> list[str]:
    ids: list[str] = []
    for one in given:
        if one == "-":
            ids += _given()
        else:
            ids.append(one)
    return list(dict.fromkeys(ids))


def _given() -> list[str]:
    if sys.stdin is None:  # closed by who started this
        return []
    if sys.stdin.isatty():
        click.echo("reading task ids from the standard input, one to a line; Ctrl-D ends them", err=True)
    try:
        return [line.split()[0] for line in sys.stdin if line.strip()]
    except UnicodeDecodeError:
        raise click.BadParameter("what the standard input has are no ids: it is no text in UTF-8.") from None
