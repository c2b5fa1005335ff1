"""`taskq batches`."""

import json
from typing import TextIO
from urllib.parse import quote

import click

from task_system.cli.api import Api, Json, reaches
from task_system.cli.output import Column, Output, ago, as_facts, as_ids, as_json, as_list, number, shown

COLUMNS: list[Column] = [
    ("BATCH", lambda one: one["batch_id"], {"no_wrap": True}),
    ("TASKS", lambda one: number(one["total"]), {"justify": "right"}),
    ("FINISHED", lambda one: f"{one['percent']:.0f} %", {"justify": "right"}),
    ("CREATED", lambda one: ago(one["created_at"]), {"no_wrap": True}),
    ("FOLLOWED BY", lambda one: one["callback_task_id"] or one["callback_error"], {"overflow": "fold"}),
]


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
@click.pass_obj
def show(api: Api, batch_id: str, output: Output) -> None:
    """Show how far one is."""
    one = api.get(f"/api/batches/{quote(batch_id, safe='')}")
    if output == "json":
        as_json(one)
        return
    finished = f"{number(one['finished'])} of {number(one['total'])} ({one['percent']:.0f} %)"
    as_facts([("batch", one["batch_id"]), ("finished", finished), ("", _states(one))])


@batches.command()
@click.argument("file", type=click.File("r"), metavar="FILE")
@click.option("--each", is_flag=True, help="Accept each that is valid, instead of all or none.")
@shown()
@click.pass_obj
def submit(api: Api, file: TextIO, each: bool, output: Output) -> None:
    """Submit a file of tasks, one JSON object to a line; `-` is the standard input."""
    made = api.post("/api/tasks/batch", {"tasks": _tasks(file), "mode": "each" if each else "all"})
    if output == "json":
        as_json(made)
    elif output == "ids":
        as_ids([one for one in made["tasks"] if "task_id" in one])
    else:
        click.echo(f"{made['batch_id']}  {number(made['accepted'])} accepted, {number(made['refused'])} refused")
        for line, one in enumerate(made["tasks"], 1):
            for error in one.get("errors", ()):
                click.echo(f"line {line}: {error['path']}: {error['message']}", err=True)
    raise SystemExit(1 if made["refused"] else 0)


def _tasks(file: TextIO) -> list[Json]:
    tasks = []
    for number_, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            tasks.append(json.loads(line))
        except ValueError as error:
            raise click.ClickException(f"line {number_} is no JSON: {error}. Nothing was submitted.") from None
    if not tasks:
        raise click.ClickException("there is no task in it: write one JSON object to a line, as for POST /api/tasks.")
    return tasks


def _states(one: Json) -> str:
    return ", ".join(f"{number(count)} {name}" for name, count in one["counts"].items())
