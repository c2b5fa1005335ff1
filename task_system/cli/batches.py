"""`taskq batches`."""

import re
from typing import BinaryIO
from urllib.parse import quote

import click

from task_system.cli.api import Api, Json, Refused, reaches, reaches_too
from task_system.cli.output import Column, Output, ago, as_facts, as_ids, as_json, as_list, number, shown
from task_system.cli.reading import json_of

COLUMNS: list[Column] = [
    ("BATCH", lambda one: one["batch_id"], {"no_wrap": True}),
    ("TASKS", lambda one: number(one["total"]), {"justify": "right"}),
    ("FINISHED", lambda one: f"{one['percent']:.0f} %", {"justify": "right"}),
    ("CREATED", lambda one: ago(one["created_at"]), {"no_wrap": True}),
    ("FOLLOWED BY", lambda one: one["callback_task_id"] or one["callback_error"], {"overflow": "fold"}),
]


#: Where a problem is in one of the tasks that were sent.
_OF_A_TASK = re.compile(r"tasks\.(\d+)\.(.+)")


@click.group(invoke_without_command=True)
@shown()
@reaches
def batches(api: Api, output: Output) -> None:
    """See the newest batches; submit a file of tasks."""
    context = click.get_current_context()
    context.obj = api
    if context.invoked_subcommand:
        return
    found = api.get("/api/batches")["batches"]
    as_list(found, output, COLUMNS, key="batch_id", nothing="No batches yet. `taskq batches submit FILE` makes one.")


@batches.command()
@click.argument("batch_id", metavar="BATCH_ID")
@shown("table", "json")
@reaches_too
def show(api: Api, batch_id: str, output: Output) -> None:
    """Show how far one is."""
    one = api.get(f"/api/batches/{quote(batch_id, safe='')}")
    if output == "json":
        as_json(one)
        return
    finished = f"{number(one['finished'])} of {number(one['total'])} ({one['percent']:.0f} %)"
    as_facts([("batch", one["batch_id"]), ("finished", finished), ("", _states(one))])


@batches.command()
@click.argument("file", type=click.File("rb"), metavar="FILE")
@click.option("--each", is_flag=True, help="Accept each that is valid, instead of all or none.")
@shown()
@reaches_too
def submit(api: Api, file: BinaryIO, each: bool, output: Output) -> None:
    """Submit a file of tasks, one JSON object to a line; `-` is the standard input."""
    lines = _lines(file)
    try:
        made = api.post("/api/tasks/batch", {"tasks": list(lines.values()), "mode": "each" if each else "all"})
    except Refused as refused:
        raise Refused(refused.status, _by_line(refused.problem, list(lines))) from None
    if output == "json":
        as_json(made)
    elif output == "ids":
        as_ids([one for one in made["tasks"] if "task_id" in one])
    else:
        click.echo(f"{made['batch_id']}  {number(made['accepted'])} accepted, {number(made['refused'])} refused")
        for line, one in zip(lines, made["tasks"], strict=True):
            for error in one.get("errors", ()):
                click.echo(f"line {line}: {error['path']}: {error['message']}", err=True)
    raise SystemExit(1 if made["refused"] else 0)


def _lines(file: BinaryIO) -> dict[int, Json]:
    """The tasks, by the lines on which they stand."""
    tasks = {}
    for line, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            tasks[line] = json_of(text)
        except ValueError as error:
            raise click.ClickException(f"line {line} is no JSON: {error}. Nothing was submitted.") from None
    if not tasks:
        raise click.ClickException("there is no task in it: write one JSON object to a line, as for POST /api/tasks.")
    return tasks


def _by_line(problem: Json, lines: list[int]) -> Json:
    """What is wrong, at the lines where it stands."""

    def told(path: str) -> str:
        found = _OF_A_TASK.fullmatch(path)
        return f"line {lines[int(found[1])]}: {found[2]}" if found else path

    return {**problem, "errors": [{**one, "path": told(one["path"])} for one in problem.get("errors", ())]}


def _states(one: Json) -> str:
    return ", ".join(f"{number(count)} {name}" for name, count in one["counts"].items())
