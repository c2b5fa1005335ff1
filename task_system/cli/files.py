"""`taskq files`."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import click

from task_system.cli.api import Api, reaches, reaches_too
from task_system.cli.output import Column, Output, ago, as_facts, as_ids, as_json, as_list, shown, size

COLUMNS: list[Column] = [
    ("FILE", lambda one: one["file_id"], {"no_wrap": True}),
    ("NAME", lambda one: one["name"], {"overflow": "fold"}),
    ("SIZE", lambda one: size(one["size"]), {"justify": "right", "no_wrap": True}),
    ("TYPE", lambda one: one["content_type"], {}),
    ("CREATED", lambda one: ago(one["created_at"]), {"no_wrap": True}),
    ("KEPT", lambda one: ago(one["expires_at"]).removeprefix("in "), {"no_wrap": True}),
    ("MADE BY", lambda one: one["task_id"], {"no_wrap": True}),
]
_file_id = click.argument("file_id", metavar="FILE_ID")


@click.group(invoke_without_command=True)
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="At most so many.")
@shown()
@reaches
def files(api: Api, limit: int, output: Output) -> None:
    """See files, newest first; upload, download and remove them."""
    context = click.get_current_context()
    context.obj = api
    if context.invoked_subcommand:
        return
    found = list(api.pages("/api/files", "files", limit, limit=min(limit, 200)))
    as_list(found, output, COLUMNS, key="file_id", nothing="No files yet. `taskq files put PATH` uploads one.")


@files.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@shown()
@reaches_too
def put(api: Api, paths: tuple[Path, ...], output: Output) -> None:
    """Upload files, and print their ids."""
    made = [api.upload(path) for path in paths]
    if output == "json":
        as_json(made)
    elif output == "ids":
        as_ids(made, "file_id")
    else:
        for one in made:
            click.echo(f"{one['file_id']}  {one['name']}  {size(one['size'])}")


@files.command()
@_file_id
@click.argument("path", type=click.Path(path_type=Path), required=False)
@reaches_too
def get(api: Api, file_id: str, path: Path | None) -> None:
    """Download a file to PATH, to its own name here, or with `-` to the standard output."""
    if path is None:
        path = Path(Path(api.get(_path(file_id, "/info"))["name"]).name)
        if path.exists():
            raise click.ClickException(f"{path} is here already; say where to: taskq files get {file_id} PATH.")
    pieces = api.stream("GET", _path(file_id))
    if str(path) == "-":
        with click.open_file("-", "wb") as target:
            target.writelines(pieces)
        return
    try:
        _keep(pieces, path)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}. Say another PATH.") from None
    click.echo(str(path))


@files.command()
@_file_id
@reaches_too
def show(api: Api, file_id: str) -> None:
    """Show what is known of a file."""
    as_facts((name, value) for name, value in api.get(_path(file_id, "/info")).items() if name != "links")


@files.command()
@click.argument("file_ids", nargs=-1, required=True, metavar="FILE_ID...")
@reaches_too
def remove(api: Api, file_ids: tuple[str, ...]) -> None:
    """Remove files. Tasks that name them fail."""
    for file_id in file_ids:
        api.ask("DELETE", _path(file_id))
        click.echo(f"{file_id} is removed.")


def _path(file_id: str, more: str = "") -> str:
    return f"/api/files/{quote(file_id, safe='')}{more}"


def _keep(pieces: Iterator[bytes], path: Path) -> None:
    """All of it, or what was there before."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as target:
            target.writelines(pieces)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
