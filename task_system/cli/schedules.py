"""`taskq schedules`."""

from urllib.parse import quote

import click

from task_system.cli.api import Api, Json, reaches, reaches_too
from task_system.cli.asking import confirm
from task_system.cli.output import Column, Marked, Output, ago, as_facts, as_json, as_list, as_table, shown
from task_system.cli.parameters import parameters_of, schema_of
from task_system.cli.spans import Span
from task_system.model.time import span

COLUMNS: list[Column] = [
    ("NAME", lambda one: one["name"], {"overflow": "fold"}),
    ("TYPE", lambda one: one["task_type"], {}),
    ("WHEN", lambda one: when(one), {}),
    ("NEXT", lambda one: Marked("[yellow]paused[/]") if one["paused"] else ago(one["next_fire_at"]), {"no_wrap": True}),
    ("", lambda one: "in code" if one["declared"] else "", {}),
]
TICKS: list[Column] = [
    ("TICK", lambda one: one["fire_at"], {"no_wrap": True}),
    ("OUTCOME", lambda one: one["outcome"], {}),
    ("TASK", lambda one: one["task_id"], {"no_wrap": True}),
    ("STATE", lambda one: one["state"], {}),
    ("", lambda one: one["detail"], {"overflow": "fold"}),
]
_name = click.argument("name", metavar="NAME")


@click.group(invoke_without_command=True)
@shown()
@reaches
def schedules(api: Api, output: Output) -> None:
    """See rules that submit tasks; pause, resume, run and remove them. They go by their names, or ids."""
    context = click.get_current_context()
    context.obj = api
    if context.invoked_subcommand:
        return
    found = list(api.pages("/api/schedules", "schedules", 10_000))
    as_list(
        found,
        output,
        COLUMNS,
        key="schedule_id",
        nothing="No schedules yet. `taskq schedules add NAME TYPE --cron '0 3 * * *'` makes one.",
    )


@schedules.command()
@_name
@click.argument("task_type", metavar="TYPE")
@click.argument("parameters", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--cron", help="Five fields, or six with a second first, or @daily.")
@click.option("--every", "every_s", type=Span(), metavar="SPAN", help="Instead of cron: each 30s, 5m, 2h or 1d.")
@click.option("--timezone", default="UTC", show_default=True, help="Whose clock cron means.")
@click.option("--priority", type=click.Choice(["high", "normal", "low"]), help="How urgent its tasks are.")
@click.option("--jitter", "jitter_s", type=Span(), metavar="SPAN", help="Each tick later by up to so much.")
@click.option("--overlap", type=click.Choice(["allow", "skip", "cancel_other"]), default="allow", show_default=True)
@click.option("--catch-up", type=click.Choice(["none", "last", "all"]), help="Which ticks that were missed.")
@click.option("--starts-at", metavar="TIME", help="No tick before it, ISO 8601 with a zone.")
@click.option("--ends-at", metavar="TIME", help="No tick after it.")
@click.option("--pause-after-failures", type=int, metavar="N", help="Pause when so many in a row failed.")
@reaches_too
def add(api: Api, /, name: str, task_type: str, parameters: tuple[str, ...], **more: object) -> None:
    """Make a schedule. Either --cron or --every says when."""
    if (more["cron"] is None) == (more["every_s"] is None):
        raise click.UsageError("Say when, by one of the two: --cron '0 3 * * *', or --every 5m.")
    read = parameters_of(parameters, schema_of(api, task_type), api)
    said = {name_: value for name_, value in more.items() if value is not None}
    made = api.post("/api/schedules", {"name": name, "task_type": task_type, "parameters": read, **said})
    click.echo(f"{name} runs {ago(made['next_fire_at'])}, at {made['next_fire_at']}.")


@schedules.command()
@_name
@shown("table", "json")
@reaches_too
def show(api: Api, name: str, output: Output) -> None:
    """Show one, its next times, and what became of its last ticks."""
    one = api.get(_path(api, name))
    if output == "json":
        as_json(one)
        return
    skipped = ("links", "ticks", "next_times", "cron", "every_s", "declared")
    as_facts([("when", when(one)), *((key, value) for key, value in one.items() if key not in skipped)])
    if one["next_times"]:
        click.echo("\nnext")
    for moment in one["next_times"]:
        click.echo(f"  {moment}  ({ago(moment)})")
    click.echo()
    as_table(one["ticks"], TICKS, nothing="It had no ticks yet.")


@schedules.command()
@_name
@click.option("-r", "--reason", help="Shown to who asks.")
@reaches_too
def pause(api: Api, name: str, reason: str | None) -> None:
    """No ticks until it is resumed."""
    api.post(_path(api, name, "/pause"), {"reason": reason})
    click.echo(f"{name} is paused. `taskq schedules resume {name}` goes on.")


@schedules.command()
@_name
@reaches_too
def resume(api: Api, name: str) -> None:
    """Go on, with the next tick from now."""
    said = api.post(_path(api, name, "/resume"))
    click.echo(f"{name} runs {ago(said['next_fire_at'])}.")


@schedules.command()
@_name
@reaches_too
def run(api: Api, name: str) -> None:
    """Submit its task once, now, besides its ticks."""
    click.echo(api.post(_path(api, name, "/run-now"))["task_id"])


@schedules.command()
@_name
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@reaches_too
def remove(api: Api, name: str, yes: bool) -> None:
    """Forget it. Its tasks stay."""
    path = _path(api, name)
    if not yes:
        confirm(f"Forget {name}?")
    api.ask("DELETE", path)
    click.echo(f"{name} is forgotten.")


def when(one: Json) -> str:
    """Its rule, in short."""
    return f"{one['cron']} ({one['timezone']})" if one["cron"] else f"every {span(one['every_s'])}"


def _path(api: Api, name: str, more: str = "") -> str:
    found = next((one for one in api.pages("/api/schedules", "schedules", 10_000) if name in _names(one)), None)
    if found is None:
        raise click.ClickException(f"there is no schedule {name!r}. `taskq schedules` lists those there are.")
    return f"/api/schedules/{quote(found['schedule_id'], safe='')}{more}"


def _names(one: Json) -> tuple[str, str]:
    return one["name"], one["schedule_id"]
