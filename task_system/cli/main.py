"""`taskq`: run the parts of the service, and talk to one that runs."""

import difflib
import errno
import importlib
import os
import sys

import click
from pydantic import ValidationError

from task_system.dispatch.findings import said_of
from task_system.model.errors import TaskSystemError

#: By section: each command, its module, and what the list of commands says. Loaded when it is asked for: the list is to
#: be quick, and a web process is not to carry a worker's modules.
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Tasks": {
        "submit": ("submit", "Submit a task, and follow it with --wait."),
        "list": ("tasks", "List tasks, newest first; takes a search."),
        "show": ("tasks", "Show all about tasks."),
        "log": ("telling", "Show what a task logged; -f follows it."),
        "result": ("tasks", "Print a task's result alone."),
        "cancel": ("acting", "Cancel tasks."),
        "retry": ("acting", "Run finished tasks again."),
        "bulk": ("bulk", "Cancel, retry or delete all that a search finds."),
        "watch": ("telling", "Watch what happens, live."),
    },
    "Service": {
        "queues": ("queues", "See, pause, resume and purge queues."),
        "workers": ("looking", "See who works, and on what."),
        "schedules": ("schedules", "See, pause, resume, run and remove schedules."),
        "files": ("files", "Upload, download and remove files."),
        "failures": ("failures", "See what failed, by what it failed with; retry it."),
        "batches": ("batches", "See batches; submit a file of tasks."),
        "stats": ("looking", "See how much, how fast, how well."),
        "doctor": ("doctor", "Check everything, and say what to do."),
    },
    "Build": {
        "new-task": ("new_task", "Write a task type of your own, with its test."),
        "openapi": ("openapi", "Print the API's description."),
        "completion": ("completion", "Print a shell's completion script."),
    },
    "Run": {
        "run": ("run", "Run everything in this process."),
        "stack": ("stack", "Run the full stack on this machine, without containers."),
        "web": ("web", "Run the HTTP API."),
        "worker": ("worker", "Run a worker."),
        "keeper": ("keeper", "Look after what waits."),
        "migrate": ("migrate", "Bring database and broker up to date."),
    },
}
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class Commands(click.Group):
    """Says what is wrong in one line, and what to do, instead of showing a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click passes it
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"task_system.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, attribute(cmd_name))
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"There is no command {args[0]!r}. {_like(args[0])}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click passes it
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, words) for name, (_, words) in section.items()], col_max=12)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except TaskSystemError as error:
            cause = f" ({error.__cause__})" if error.__cause__ else ""
            raise click.ClickException(f"{error}{cause}") from None
        except ValidationError as error:
            wrong = "; ".join(f"{str(e['loc'][0]).upper()} {said_of(e)}" for e in error.errors())
            raise click.ClickException(f"a setting cannot be used: {wrong}. See .env.example.") from None
        except UnicodeEncodeError as error:
            raise click.ClickException(
                f"{error.object[error.start : error.end]!r} cannot be written in {error.encoding}. "
                "Give text in UTF-8, and read it where LC_ALL is C.UTF-8."
            ) from None
        except BrokenPipeError:
            # Who read the output has gone, as `head` does.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return None
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise click.ClickException(f"{error}: make room where it writes, or let it write elsewhere.") from None


def attribute(command: str) -> str:
    """What a command is called in its module: `list` is Python's."""
    return {"list": "list_"}.get(command, command.replace("-", "_"))


def _like(name: str) -> str:
    near = difflib.get_close_matches(name, COMMANDS, n=2, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}?" if near else "`taskq --help` lists those there are."


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def main() -> None:
    """Hand background work over by HTTP; it gets done.

    Commands about tasks and the service ask the API at BASE_URL (--url; http://127.0.0.1:5000 unless told otherwise).
    """
    # The catalogue, tasks.py, and users' own modules are found where the command is run.
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - an import path is text
