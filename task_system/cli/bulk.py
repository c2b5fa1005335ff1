"""`taskq bulk`: one act on all that a search finds, after a look at what that is."""

import click
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

from task_system.cli.api import Api, Json, reaches
from task_system.cli.asking import confirm
from task_system.cli.bars import bar_of
from task_system.cli.following import seen
from task_system.cli.output import Output, as_facts, as_json, as_table, console, number, shown
from task_system.cli.searching import Searching, said
from task_system.cli.tasks import COLUMNS

OVER = ("done", "aborted", "failed")


@click.command(cls=Searching)
@click.argument("action", type=click.Choice(["cancel", "retry", "delete"]))
@click.argument("search", nargs=-1, required=True, metavar="SEARCH...")
@click.option("-r", "--reason", help="Shown with the act, and with each task.")
@click.option("--dry-run", is_flag=True, help="Only show what it would be.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@shown("table", "json")
@reaches
def bulk(
    api: Api, action: str, search: tuple[str, ...], reason: str | None, dry_run: bool, yes: bool, output: Output
) -> None:
    """Cancel, retry or delete all tasks that SEARCH finds. Shows what they are, and asks.

    \b
      taskq bulk retry state:failure type:email_sending 'finished:>1h'
      taskq bulk cancel tag:nightly --reason 'not tonight' --yes
    """
    wish = {"action": action, "filter": {"q": said(search)}, "reason": reason}
    preview = api.post("/api/bulk", {**wish, "dry_run": True})
    if dry_run and output == "json":
        as_json(preview)
        return
    _show(preview, action)
    if dry_run or not preview["matching"]:
        return
    if not yes:
        confirm(f"{action.capitalize()} {_count(preview)}?")
    raise SystemExit(followed(api, api.post("/api/bulk", wish), output))


def followed(api: Api, made: Json, output: Output = "table") -> int:
    """Show how far it is until it is over; answers the exit code. Ctrl-C aborts it."""
    path = made["links"]["self"]
    try:
        made = _end(api, path, made)
    except KeyboardInterrupt:
        made = api.post(made["links"]["abort"])
    if output == "json":
        as_json(made)
    else:
        counts = (("acted on", "succeeded"), ("left alone", "skipped"), ("refused", "failed"))
        as_facts([(made["action"], made["state"]), *((words, number(made[name])) for words, name in counts)])
        for error in made["errors"]:
            click.echo(f"{error.get('task_id', '')}: {error['message']}", err=True)
    return 0 if made["state"] == "done" and not made["failed"] else 1


def _end(api: Api, path: str, made: Json) -> Json:
    """The bulk when it is over. It is looked at: events tell of tasks, and a bulk also leaves tasks alone."""
    with bar_of(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()) as progress:
        bar = progress.add_task(made["state"], total=made["matching"] or None)
        for now in seen(api, path, OVER, heard=True):
            progress.update(bar, description=now["state"], total=now["matching"] or None, completed=now["done"])
    return now


def _count(preview: Json) -> str:
    matching = preview["matching"]
    return f"{number(matching)}{' or more' if preview.get('capped') else ''} {'task' if matching == 1 else 'tasks'}"


def _show(preview: Json, action: str) -> None:
    if not preview["matching"]:
        click.echo("No task fits.", err=True)
        return
    states = ", ".join(f"{number(count)} {name}" for name, count in preview["by_state"].items())
    click.echo(f"{action} would act on {_count(preview)}: {states}. {preview.get('will_not') or ''}".rstrip(), err=True)
    if console(stderr=True).is_terminal:
        as_table(preview["sample"], COLUMNS[:-1], nothing="")
