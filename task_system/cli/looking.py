"""`taskq workers` and `taskq stats`."""

import click

from task_system.cli.api import Api, Json, reaches
from task_system.cli.output import (
    Column,
    Marked,
    Output,
    ago,
    as_facts,
    as_json,
    as_list,
    as_table,
    number,
    shown,
)
from task_system.model.routing import LANES
from task_system.model.time import span

WORKERS: list[Column] = [
    ("NAME", lambda one: one["name"], {"overflow": "fold"}),
    ("ROLE", lambda one: one["role"], {}),
    ("STATUS", lambda one: Marked("[green]alive[/]" if one["status"] == "alive" else "[red]lost[/]"), {}),
    ("LANES", lambda one: "all" if set(LANES) <= set(one["lanes"]) else ", ".join(one["lanes"]), {"overflow": "fold"}),
    ("SLOTS", lambda one: f"{one['running']}/{one['slots']}" if one["slots"] else "", {"justify": "right"}),
    ("RSS", lambda one: f"{one['rss_mb']:.0f} MB" if one.get("rss_mb") else "", {"justify": "right"}),
    ("UP", lambda one: ago(one["started_at"]).removesuffix(" ago"), {"justify": "right"}),
    ("HEARTBEAT", lambda one: f"{span(one['silent_s'])} ago", {"justify": "right"}),
    ("RUNS", lambda one: _running(one), {"overflow": "fold"}),
]
STATS: list[Column] = [
    ("", lambda one: one["name"], {"no_wrap": True}),
    ("ACCEPTED", lambda one: number(one["accepted"]), {"justify": "right"}),
    ("SUCCEEDED", lambda one: number(one["succeeded"]), {"justify": "right"}),
    ("FAILED", lambda one: _red(one["failed"]), {"justify": "right"}),
    ("RETRIED", lambda one: number(one["retried"]), {"justify": "right"}),
    ("WAITING", lambda one: number(one.get("waiting")), {"justify": "right"}),
    ("WAIT p50", lambda one: _ms(one, "wait_ms", "p50"), {"justify": "right"}),
    ("p95", lambda one: _ms(one, "wait_ms", "p95"), {"justify": "right"}),
    ("RUN p50", lambda one: _ms(one, "run_ms", "p50"), {"justify": "right"}),
    ("p95", lambda one: _ms(one, "run_ms", "p95"), {"justify": "right"}),
]
BY = {"type": ("by_type", "task_type"), "queue": ("by_queue", "queue"), "lane": ("by_lane", "lane")}


@click.command()
@shown()
@reaches
def workers(api: Api, output: Output) -> None:
    """See who works, and on what. Lost ones are shown for a day; leases bring their tasks back."""
    seen = api.get("/api/workers")
    as_list(
        seen["workers"],
        output,
        WORKERS,
        key="name",
        nothing="No worker is alive. `taskq worker` starts one.",
        answer=seen,
    )


@click.command()
@click.option(
    "--window", type=click.Choice(["15m", "1h", "24h", "7d"]), default="1h", show_default=True, help="How far back."
)
@click.option("--by", type=click.Choice(list(BY)), default="type", show_default=True, help="What the rows are.")
@shown("table", "json")
@reaches
def stats(api: Api, window: str, by: str, output: Output) -> None:
    """See how much, how fast, how well."""
    seen = api.get("/api/stats", window=window)
    if output == "json":
        as_json(seen)
        return
    now, totals = seen["now"], seen["totals"]
    rate, minute = seen["success_rate"], seen["rate_per_min"]
    as_facts(
        [
            ("now", "   ".join(f"{number(now[name])} {name}" for name in ("pending", "scheduled", "running", "retry"))),
            ("oldest waits", span(now["oldest_waiting_s"])),
            (f"in {window}", "   ".join(f"{number(count)} {name}" for name, count in totals.items())),
            (
                "per minute",
                f"{number(minute['accepted'])} in, {number(minute['finished'])} out",
            ),
            ("succeed", "" if rate is None else f"{100 * rate:.1f} %"),
        ]
    )
    plural, key = BY[by]
    rows = [{**one, "name": one[key]} for one in seen[plural]]
    if rows:
        click.echo()
        as_table(rows, STATS, nothing="")


def _running(one: Json) -> str:
    return ", ".join(
        f"{task['task_type']} since {ago(task['started_at']).removesuffix(' ago')}" for task in one["tasks"]
    )


def _ms(one: Json, name: str, percentile: str) -> str:
    value = (one.get(name) or {}).get(percentile)
    return "" if value is None else span(value / 1000)


def _red(count: int) -> Marked | str:
    return Marked(f"[red]{number(count)}[/]") if count else "0"
