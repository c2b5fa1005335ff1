"""`taskq cancel` and `taskq retry`."""

import click

from task_system.cli.api import Api, Json, reaches, task_path
from task_system.cli.ids import task_ids
from task_system.cli.output import Output, as_ids, as_json, shown
from task_system.cli.reading import json_of
from task_system.cli.tasks import each


@click.command()
@task_ids
@click.option("-r", "--reason", help="Shown with the task.")
@shown()
@reaches
def cancel(api: Api, task_ids: list[str], reason: str | None, output: Output) -> None:
    """Cancel tasks: those that wait never start, those that run are stopped.

    A `-` reads their ids from the standard input: taskq list tag:nightly -o ids | taskq cancel -
    """
    body = {"reason": reason} if reason else {}
    answered, refused = each(task_ids, lambda task_id: api.post(task_path(task_id, "cancel"), body))
    _print(answered, output, lambda one: f"{one['task_id']}  {one['message']}")
    raise SystemExit(1 if refused else 0)


@click.command()
@task_ids
@click.option("--parameters", metavar="JSON", help="Other parameters than those of the first run.")
@shown()
@reaches
def retry(api: Api, task_ids: list[str], parameters: str | None, output: Output) -> None:
    """Run finished tasks again, each as a new task.

    A `-` reads their ids from the standard input: taskq list state:failure -o ids | taskq retry -
    """
    body = {"parameters": _object(parameters)} if parameters is not None else {}
    answered, refused = each(task_ids, lambda task_id: api.post(task_path(task_id, "retry"), body))
    _print(answered, output, lambda one: f"{one['retry_of']}  runs again as {one['task_id']}")
    raise SystemExit(1 if refused else 0)


def _print(answered: list[Json], output: Output, words: object) -> None:
    if output == "json":
        as_json(answered)
    elif output == "ids":
        as_ids(answered)
    else:
        for one in answered:
            click.echo(words(one))  # type: ignore[operator]


def _object(text: str) -> Json:
    try:
        made = json_of(text)
    except ValueError as error:
        raise click.UsageError(
            f"--parameters is no JSON: {error}. Write it as in --parameters '{{\"data\": [1, 2]}}'."
        ) from None
    if not isinstance(made, dict):
        raise click.UsageError("--parameters takes an object, as in --parameters '{\"data\": [1, 2]}'.")
    return made
