"""`taskq new-task`: a task type of one's own to begin with, and its test."""

import re

import click

from task_system.settings import Settings

TYPE = '''\
"""{title}. Everything in this folder is loaded at start; see GET /api/task-types."""

from pydantic import BaseModel, Field

from task_system import Context, RetryPolicy, task_type


class Parameters(BaseModel):
    """What a caller sends."""

    items: list[str] = Field(min_length=1, max_length=1000, description="What to work on")


class Result(BaseModel):
    """What it answers."""

    done: int


@task_type("{name}", retry=RetryPolicy(max_attempts=3), timeout_s=60, example={{"items": ["one", "two"]}})
def {name}(ctx: Context, parameters: Parameters) -> Result:
    """{title}."""
    for number, item in enumerate(parameters.items):
        ctx.progress(100 * number / len(parameters.items), item)
        ctx.log.info("working on %s", item)
    return Result(done=len(parameters.items))
'''
TEST = '''\
"""Run with: pytest {folder}/test_{name}.py"""

from pathlib import Path

import pytest
from pydantic import ValidationError

from task_system.registry import default_registry
from task_system.testing import FakeContext

from {folder}.{name} import {name}

TYPE = default_registry.get("{name}")


def test_it_does_its_example(tmp_path: Path) -> None:
    ctx = FakeContext(tmp_path)
    assert {name}(ctx, TYPE.parameters.model_validate(TYPE.example)).done == 2
    assert [report.message for report in ctx.reports] == ["one", "two"]


def test_it_takes_nothing_unknown() -> None:
    with pytest.raises(ValidationError):
        TYPE.parameters.model_validate({{"items": ["one"], "colour": "red"}})
'''
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@click.command("new-task")
@click.argument("name", metavar="NAME")
def new_task(name: str) -> None:
    """Write a task type of your own into custom_tasks/ (TASK_FOLDER), with its test. Both work as they are."""
    if not _NAME.fullmatch(name):
        raise click.BadParameter(
            f"{name!r} names no task type: write lower-case letters, digits and underscores, as in resize_image.",
            param_hint="NAME",
        )
    folder = Settings().task_folder
    made = {folder / f"{name}.py": TYPE, folder / f"test_{name}.py": TEST}
    for path in made:
        if path.exists():
            raise click.ClickException(f"{path} is there already; choose another name, or remove it.")
    folder.mkdir(parents=True, exist_ok=True)
    words = {"name": name, "title": name.replace("_", " ").capitalize(), "folder": folder.name}
    for path, text in made.items():
        path.write_text(text.format(**words))
        click.echo(f"wrote {path}")
    click.echo(
        f"\nNext:\n  python -m pytest {folder}/test_{name}.py  # needs pytest, which `make setup` installs\n"
        "  taskq run  # or restart it\n"
        f'  taskq submit {name} items=\'["one", "two"]\' --wait',
        err=True,
    )
