"""`taskq`: run the parts of the service."""

import os
import sys

import click
from pydantic import ValidationError

from task_system.cli import serve, stack
from task_system.model.errors import TaskSystemError


class Commands(click.Group):
    """Says what is wrong in one line, and what to do, instead of showing a traceback."""

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


for command in (serve.run, serve.web, serve.worker, serve.keeper, serve.migrate, stack.stack):
    main.add_command(command)
