"""`taskq`: run the parts of the service."""

import importlib
import os
import sys

import click
from pydantic import ValidationError

from task_system.model.errors import TaskSystemError

#: Each in the module of its name, loaded when it is asked for: a web process is not to carry a worker's modules.
COMMANDS = ("keeper", "migrate", "openapi", "run", "stack", "web", "worker")


class Commands(click.Group):
    """Says what is wrong in one line, and what to do, instead of showing a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click passes it
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click passes it
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"task_system.cli.{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except TaskSystemError as error:
            cause = f" ({error.__cause__})" if error.__cause__ else ""
            raise click.ClickException(f"{error}{cause}") from None
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
            raise click.ClickException(f"a setting cannot be used: {wrong}. See .env.example.") from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Hand background work over by HTTP; it gets done."""
    # The catalogue, tasks.py, and users' own modules are found where the command is run.
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - an import path is text
