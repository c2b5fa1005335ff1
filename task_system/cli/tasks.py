"""`taskq list`, `taskq show` and `taskq result`."""

import json
import sys
from typing import Any

import click

from task_system.cli.api import Api, Json, Refused, reaches, task_path
from task_system.cli.ids import task_ids
from task_system.cli.output import (
    Column,
    Marked,
    Output,
    ago,
    as_facts,
    as_json,
    as_list,
    set_out,
    shown,
    state,
    table,
)
from task_system.cli.searching import Searching, said
from task_system.model.time import span

COLUMNS: list[Column] = [
    ("TASK", lambda task: task["task_id"], {"no_wrap": True}),
    ("TYPE", lambda task: task["task_type"], {"overflow": "fold"}),
    ("STATE", lambda task: state(task["status"]), {"no_wrap": True}),
    ("PRIORITY", lambda task: task["priority"], {}),
    ("CREATED", lambda task: ago(task["created_at"]), {"no_wrap": True}),
    ("TOOK", lambda task: took(task), {"no_wrap": True, "justify": "right"}),
    ("", lambda task: remark(task), {"overflow": "ellipsis", "no_wrap": True}),
]


@click.command("list", cls=Searching)
@click.argument("search", nargs=-1, metavar="[SEARCH]...")
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@shown()
@reaches
def list_(api: Api, search: tuple[str, ...], limit: int, output: Output) -> None:
    """List tasks, newest first.

    \b
      taskq list
      taskq list state:failure type:csv* 'created:>2h'
      taskq list state:failure -o ids | taskq retry -

    SEARCH is that of the API: state: type: tag: queue: error: created: duration: parameters.…, with - for not, and OR.
    """
    found = list(api.pages("/api/tasks", "tasks", limit, q=said(search), limit=min(limit, 200)))
    as_list(
        found, output, COLUMNS, nothing="No task fits." if search else "No tasks yet. `taskq submit TYPE` makes one."
    )


@click.command()
@task_ids
@shown("table", "json")
@reaches
def show(api: Api, task_ids: list[str], output: Output) -> None:
    """Show all about tasks. A `-` reads their ids from the standard input."""
    tasks = [api.get(task_path(task_id)) for task_id in task_ids]
    if output == "json":
        as_json(tasks[0] if len(tasks) == 1 else tasks)
        return
    for number, task in enumerate(tasks):
        if number:
            click.echo()
        _show(task, _why(api, task))


@click.command()
@click.argument("task_id", metavar="TASK_ID")
@reaches
def result(api: Api, task_id: str) -> None:
    """Print a task's result alone, as JSON."""
    pieces = api.stream("GET", task_path(task_id, "result"))
    if sys.stdout.isatty():
        as_json(json.loads(b"".join(pieces)))
        return
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.write(b"\n")


def took(task: Json) -> str:
    """How long its last attempt took."""
    return span(task["duration_ms"] / 1000) if task["duration_ms"] is not None else ""


def remark(task: Json) -> str:
    """What one would ask next: how far, why not, when."""
    if task["status"] == "scheduled":
        return f"due {ago(task['run_at'])}"
    if task["status"] == "started":
        progress = task["progress"]
        return f"{progress['percent']:.0f} % {progress['message']}".strip()
    if task["error"]:
        return f"{task['error']['type']}: {task['error']['message']}".replace("\n", " ")
    return task["cancel_reason"] or ""


def _why(api: Api, task: Json) -> str:
    """Why it is where it is, while that is a question."""
    if task["finished_at"]:
        return ""
    try:
        sentence: str = api.get(task_path(task["task_id"], "explain"))["sentence"]
    except Refused:
        return ""
    return sentence


def _show(task: Json, why: str) -> None:
    progress, error = task["progress"], task["error"] or {}
    as_facts(
        [
            ("task", task["task_id"]),
            ("type", task["task_type"]),
            ("state", Marked(f"{state(task['status'])}{' in ' + took(task) if took(task) else ''}")),
            ("", why),
            ("queue", task["queue"]),
            ("attempt", f"{task['attempt']} of {task['max_attempts']}" if task["attempt"] else ""),
            ("progress", f"{progress['percent']:.0f} % {progress['message']}" if task["started_at"] else ""),
            ("created", f"{task['created_at']}  ({ago(task['created_at'])})"),
            ("due", f"{task['run_at']}  ({ago(task['run_at'])})" if task["status"] == "scheduled" else ""),
            ("waited", span(task["queued_ms"] / 1000) if task["queued_ms"] is not None else ""),
            ("worker", task["worker"]),
            *((name, task[name]) for name in ("tags", "metadata", "expires_at", "retry_of", "retried_as")),
            *((name, task[name]) for name in ("batch_id", "schedule_id", "cancel_reason")),
            ("error", error.get("type")),
            ("", error.get("message")),
            ("parameters", task["parameters"]),
            ("result", task["result"] if task["state"] == "SUCCESS" else ""),
        ]
    )
    _show_timeline(task["timeline"])
    if error.get("traceback"):
        click.echo()
        click.echo(click.style(error["traceback"].rstrip(), dim=True))


def _show_timeline(timeline: list[Json]) -> None:
    click.echo()
    columns: list[Column] = [
        ("WHEN", lambda moment: moment["at"], {"no_wrap": True}),
        ("WHAT", lambda moment: moment["event"], {}),
        ("ATTEMPT", lambda moment: moment.get("attempt"), {"justify": "right"}),
        ("WORKER", lambda moment: moment.get("worker"), {}),
    ]
    set_out(table(timeline, columns))


def each(ids: list[str], act: Any) -> tuple[list[Json], int]:
    """Act on each; what was answered, and how many were refused, each of which is said."""
    answered: list[Json] = []
    refused = 0
    for task_id in ids:
        try:
            answered.append(act(task_id))
        except Refused as error:
            refused += 1
            click.echo(f"{task_id}: {error.message}", err=True)
    return answered, refused
