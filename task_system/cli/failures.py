"""`taskq failures`: what failed for good, by what it failed with."""

from urllib.parse import quote

import click

from task_system.cli.api import Api, reaches, reaches_too
from task_system.cli.bulk import followed
from task_system.cli.output import Column, Output, ago, as_list, number, shown

COLUMNS: list[Column] = [
    ("FAILURE", lambda one: one["failure"], {"no_wrap": True}),
    ("TYPE", lambda one: one["task_type"], {}),
    ("COUNT", lambda one: number(one["count"]), {"justify": "right"}),
    ("OPEN", lambda one: number(one["open"]), {"justify": "right"}),
    ("LAST", lambda one: ago(one["last_at"]), {"no_wrap": True}),
    ("WITH", lambda one: f"{one['error_type']}: {one['message']}".replace("\n", " "), {"overflow": "fold"}),
]


@click.group(invoke_without_command=True)
@click.option(
    "--window", type=click.Choice(["24h", "7d", "all"]), default="24h", show_default=True, help="How far back."
)
@click.option("--type", "task_type", help="Of this task type alone.")
@shown()
@reaches
def failures(api: Api, window: str, task_type: str | None, output: Output) -> None:
    """See what failed for good, by what it failed with."""
    context = click.get_current_context()
    context.obj = api
    if context.invoked_subcommand:
        return
    found = list(api.pages("/api/failures", "failures", 1000, window=window, task_type=task_type))
    as_list(found, output, COLUMNS, key="failure", nothing=f"Nothing failed for good ({window}).")
    if found and output == "table":
        click.echo("`taskq failures retry FAILURE` runs all of one again.", err=True)


@failures.command()
@click.argument("failure", metavar="FAILURE")
@click.option("-r", "--reason", help="Shown with the act.")
@reaches_too
def retry(api: Api, failure: str, reason: str | None) -> None:
    """Run all tasks again that failed so, each as a new task."""
    made = api.post(f"/api/failures/{quote(failure, safe='')}/retry", {"reason": reason} if reason else {})
    raise SystemExit(followed(api, made))
