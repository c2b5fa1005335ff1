"""`taskq log` and `taskq watch`: what tasks say, and what happens."""

from collections.abc import Iterator

import click
from rich.console import Group
from rich.live import Live
from rich.text import Text

from task_system.cli.api import Api, Json, Refused, reaches, task_path
from task_system.cli.following import looks, moments
from task_system.cli.output import COLOURS, as_json, console, number, shown, table
from task_system.cli.searching import Searching, said
from task_system.cli.spans import Span
from task_system.cli.tasks import COLUMNS

_LEVELS = {"DEBUG": "dim", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "bold red"}


@click.command()
@click.argument("task_id", metavar="TASK_ID")
@click.option("-f", "--follow", is_flag=True, help="Go on until the task is over.")
@click.option("--attempt", type=int, help="Of this attempt alone.")
@shown("table", "json")
@reaches
def log(api: Api, task_id: str, follow: bool, attempt: int | None, output: str) -> None:
    """Show what a task logged, oldest first."""
    count = 0
    for line in _lines(api, task_id, attempt, follow):
        count += 1
        if output == "json":
            as_json(line)
        else:
            _print(line)
    if not count:
        click.echo("It logged nothing. Handlers log with ctx.log.", err=True)


@click.command(cls=Searching)
@click.argument("search", nargs=-1, metavar="[SEARCH]...")
@click.option("-n", "--limit", type=click.IntRange(1, 200), default=15, show_default=True, help="Tasks that are shown.")
@click.option(
    "--every",
    "every_s",
    type=Span(0.2),
    default="1s",
    metavar="SPAN",
    show_default=True,
    help="Between looks, at least.",
)
@reaches
def watch(api: Api, search: tuple[str, ...], limit: int, every_s: float) -> None:
    """Watch what happens, live: how much waits and runs, and the newest tasks that fit SEARCH. Ctrl-C ends it.

    It looks anew when the service tells that something happened; where that cannot tell, every so many seconds.
    """
    tasks: list[Json] = []
    counts = Text()
    with Live(console=console(), screen=console().is_terminal, auto_refresh=False) as live:
        try:
            for look in moments(api, every_s):
                if look:
                    tasks = api.get("/api/tasks", q=said(search), limit=limit)["tasks"]
                    counts = _counts(api)
                live.update(Group(counts, Text(""), table(tasks, COLUMNS)), refresh=True)
        except KeyboardInterrupt:
            return


def _lines(api: Api, task_id: str, attempt: int | None, follow: bool) -> Iterator[Json]:
    """Line by line; when following, until there is nothing more after the end."""
    after = None
    for _ in looks(api, task_id) if follow else (None,):
        more = True
        while more:
            page = api.get(task_path(task_id, "log"), attempt=attempt, after=after)
            if after is None and page.get("dropped"):
                click.echo(f"{page['dropped']} older lines are not kept any more.", err=True)
            yield from page["lines"]
            if page["next"] is None:
                return
            after, more = page["next"], bool(page["lines"])


def _print(line: Json) -> None:
    words = Text()
    words.append(f"{line['at'][11:23]} ", style="dim")
    words.append(f"{line['level']:<8}", style=_LEVELS.get(line["level"], "default"))
    words.append(line["message"])
    console().print(words, soft_wrap=True)


def _counts(api: Api) -> Text:
    words = Text()
    try:
        now = api.get("/api/stats", window="15m")
    except Refused:
        return words
    for name, status in (
        ("pending", "pending"),
        ("scheduled", "scheduled"),
        ("running", "started"),
        ("retry", "retry"),
    ):
        words.append(f"{number(now['now'].get(name))} ", style="bold")
        words.append(f"{name}   ", style=COLOURS[status])
    totals = now["totals"]
    words.append(f"15 min: {number(totals['succeeded'])} succeeded, {number(totals['failed'])} failed", style="dim")
    return words
