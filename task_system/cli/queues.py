"""`taskq queues`: what waits, and closing it."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import click

from task_system.cli.api import Api, Json, reaches, reaches_too
from task_system.cli.asking import confirm
from task_system.cli.completion import queues as queue_names
from task_system.cli.output import Column, Marked, Output, as_list, number, shown
from task_system.cli.spans import Span
from task_system.model.time import span

_name = click.argument("name", metavar="QUEUE", shell_complete=queue_names)
_reason = click.option("-r", "--reason", help="Shown to who asks.")

COLUMNS: list[Column] = [
    ("QUEUE", lambda queue: queue["name"], {"no_wrap": True}),
    ("WAITING", lambda queue: _capped(queue), {"justify": "right"}),
    ("IN BROKER", lambda queue: "?" if queue["ready"] is None else number(queue["ready"]), {"justify": "right"}),
    ("OLDEST", lambda queue: span(queue["oldest_waiting_s"]), {"justify": "right"}),
    ("CONSUMERS", lambda queue: queue["consumers"], {"justify": "right"}),
    ("IN/MIN", lambda queue: number(queue["rate_in_per_min"]), {"justify": "right"}),
    ("OUT/MIN", lambda queue: number(queue["rate_out_per_min"]), {"justify": "right"}),
    ("", lambda queue: _state(queue), {}),
]


@click.group(invoke_without_command=True)
@shown()
@reaches
def queues(api: Api, output: Output) -> None:
    """See what waits, as the database and RabbitMQ know it; pause, resume and purge."""
    context = click.get_current_context()
    context.obj = api
    if context.invoked_subcommand:
        return
    seen = api.get("/api/queues")
    as_list(seen["queues"], output, COLUMNS, key="name", nothing="There are no queues.", answer=seen)
    if seen["broker"] != "up" and output == "table":
        click.echo("The broker does not answer: tasks are accepted, and wait. `taskq doctor` says more.", err=True)


@queues.command()
@_name
@click.option("--for", "for_s", type=Span(1), metavar="SPAN", help="End by itself after 90s, 15m, 2h or 1d.")
@_reason
@reaches_too
def pause(api: Api, name: str, for_s: float | None, reason: str | None) -> None:
    """Start none of its tasks. Those that run go on; new ones are accepted, and wait."""
    until = (datetime.now(UTC) + timedelta(seconds=for_s)).isoformat() if for_s is not None else None
    said = api.post(_path(name, "pause"), {"until": until, "reason": reason})
    click.echo(f"{name} is paused{' until ' + said['until'] if said['until'] else ''}.")
    click.echo(f"`taskq queues resume {name}` opens it again.", err=True)


@queues.command()
@_name
@reaches_too
def resume(api: Api, name: str) -> None:
    """Go on."""
    api.post(_path(name, "resume"))
    click.echo(f"{name} goes on.")


@queues.command()
@_name
@_reason
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@reaches_too
def purge(api: Api, name: str, reason: str | None, yes: bool) -> None:
    """Cancel every task that waits in it. Their rows stay, cancelled with the reason."""
    if not yes:
        waiting = next((one for one in api.get("/api/queues")["queues"] if one["name"] == name), None)
        confirm(f"Cancel {_capped(waiting) if waiting else 'all'} tasks that wait in {name}?")
    count = 0
    while True:
        said = api.post(_path(name, "purge"), {"reason": reason})
        count += said["cancelled"]
        if said["complete"]:
            break
    click.echo(f"{number(count)} tasks of {name} are cancelled.")


def _path(name: str, act: str) -> str:
    return f"/api/queues/{quote(name, safe='')}/{act}"


def _capped(queue: Json) -> str:
    return f"{number(queue['waiting'])}{'+' if queue['waiting_is_capped'] else ''}"


def _state(queue: Json) -> Marked | str:
    if queue["pause"]["paused"]:
        return Marked("[yellow]paused[/]")
    if queue["waiting"] and not queue["consumers"]:
        return Marked("[red]no worker[/]")
    return ""
