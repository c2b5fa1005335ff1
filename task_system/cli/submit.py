"""`taskq submit`: a task from the command line, and what becomes of it."""

from typing import Any

import click
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn

from task_system.cli.api import Api, Json, reaches
from task_system.cli.bars import bar_of
from task_system.cli.completion import task_types
from task_system.cli.following import states_of
from task_system.cli.output import Marked, Output, as_facts, as_ids, as_json, shown, state
from task_system.cli.parameters import parameters_of, schema_of
from task_system.cli.reading import json_of
from task_system.cli.spans import Span
from task_system.model.time import span

#: Exit codes by outcome; 2 is click's, for a command that cannot be read.
EXIT = {"SUCCESS": 0, "FAILURE": 1, "CANCELLED": 3, "EXPIRED": 4}


@click.command()
@click.argument("task_type", metavar="TYPE", shell_complete=task_types)
@click.argument("parameters", nargs=-1, metavar="[KEY=VALUE | KEY=@PATH]...")
@click.option("-p", "--priority", type=click.Choice(["high", "normal", "low"]), default=None, help="How urgent it is.")
@click.option("--delay", type=Span(), metavar="SPAN", help="Wait before it runs, such as 30s, 5m, 2h or 1d.")
@click.option("--run-at", metavar="TIME", help="Not before this moment, ISO 8601 with a zone.")
@click.option("--tag", "tags", multiple=True, help="A word to find it by; may be given several times.")
@click.option("--expires-in", type=Span(), metavar="SPAN", help="Not started by then, it never is.")
@click.option("--timeout", type=Span(), metavar="SPAN", help="For an attempt, at most the type's.")
@click.option("--key", metavar="TEXT", help="An Idempotency-Key: sent again, it is the same task.")
@click.option("--json", "document", metavar="JSON", help="All parameters at once; KEY=VALUE go on top.")
@click.option("-w", "--wait", is_flag=True, help="Follow it to its end; the exit code says how it ended.")
@shown()
@reaches
def submit(
    api: Api, task_type: str, parameters: tuple[str, ...], document: str | None, wait: bool, output: Output, **more: Any
) -> None:
    """Submit a task.

    \b
      taskq submit data_processing data='[3, 1, 4]' --wait
      taskq submit email_sending to=ada@example.com subject=Hello text=@letter.txt

    A value is JSON where it reads as JSON, and text otherwise. @PATH is a file: uploaded where the type takes a file,
    else what is in it. Dots lead into objects: address.city=Paris.

    With --wait the exit code is 0 for success, 1 for failure, 3 for cancelled, 4 for expired.
    """
    key = more.pop("key")
    made = {**_document(document), **parameters_of(parameters, schema_of(api, task_type), api)}
    body = {"task_type": task_type, "parameters": made, **_said(more)}
    accepted = api.ask("POST", "/api/tasks", json=body, headers=_header(key))
    if not wait:
        _print(accepted, output)
        return
    task = _followed(api, accepted["task_id"])
    _print_end(task, output)
    raise SystemExit(EXIT[task["state"]])


def _document(text: str | None) -> Json:
    try:
        made = json_of("{}" if text is None else text)
    except ValueError as error:
        raise click.UsageError(f"--json is no JSON: {error}. Write it as in --json '{{\"data\": [1, 2]}}'.") from None
    if not isinstance(made, dict):
        raise click.UsageError("--json takes an object, as in --json '{\"data\": [1, 2]}'.")
    return made


def _header(key: str | None) -> dict[str, bytes]:
    """Whatever it is: the service says what is wrong with it, while one left out would be no key at all."""
    return {} if key is None else {"Idempotency-Key": key.encode("utf-8", "surrogateescape")}


def _said(more: Json) -> Json:
    return {name: list(value) if name == "tags" else value for name, value in more.items() if value not in (None, ())}


def _followed(api: Api, task_id: str) -> Json:
    """The task, when it is over. Ctrl-C stops the following, and not the task."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with bar_of(*columns, TextColumn("{task.fields[said]}"), TimeElapsedColumn()) as progress:
        bar = progress.add_task("pending", total=100, said="")
        task: Json = {}
        try:
            for task in states_of(api, task_id):
                said = task["progress"]
                progress.update(bar, description=task["status"], completed=said["percent"], said=said["message"])
        except KeyboardInterrupt:
            message = f"no longer following {task_id}; it goes on. `taskq cancel {task_id}` stops it."
            raise click.ClickException(message) from None
        return task


def _print(accepted: Json, output: Output) -> None:
    if output == "json":
        as_json(accepted)
    elif output == "ids":
        as_ids([accepted])
    else:
        click.echo(f"{accepted['task_id']}  {accepted['status']} in {accepted['queue']}")
        click.echo(f"`taskq show {accepted['task_id']}` says what became of it.", err=True)


def _print_end(task: Json, output: Output) -> None:
    if output == "json":
        as_json(task)
    elif output == "ids":
        as_ids([task])
    else:
        took = span(task["duration_ms"] / 1000) if task["duration_ms"] is not None else ""
        ended = Marked(f"{state(task['status'])}{' in ' + took if took else ''}")
        error = task["error"] or {}
        as_facts([(task["task_id"], ended), ("error", error.get("type")), ("", error.get("message"))])
        if task["state"] == "SUCCESS":
            as_json(task["result"])
        elif task["state"] == "FAILURE":
            click.echo(f"`taskq show {task['task_id']}` has the traceback; `taskq retry` runs it again.", err=True)
