"""A task's parameters from `key=value` and `key=@path`, read as the type's schema would have them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from task_system.cli.api import Api, Json
from task_system.cli.reading import json_of

#: Of a property that names a file of the service's.
FILE_ID = "file-id"


def schema_of(api: Api, task_type: str) -> Json:
    """What the type takes. Raises UsageError, which lists the types there are."""
    types: list[Json] = api.get("/api/task-types")["task_types"]
    found = next((one for one in types if one["name"] == task_type), None)
    if found is None:
        known = ", ".join(one["name"] for one in types)
        raise click.UsageError(f"there is no task type {task_type!r}. There are {known}.")
    schema: Json = found["parameters_schema"]
    return schema


def parameters_of(words: tuple[str, ...], schema: Json, api: Api) -> Json:
    """`a=1 b.c=text d=@file`: JSON where it is JSON, text where it is not, or where the type takes nothing but text.

    `@path` is a file: uploaded, where the type takes a file of the service's; else what is in it.
    """
    made: Json = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{word!r} is no parameter: write key=value, or key=@path for a file.")
        path = key.split(".")
        wanted = _property(schema, path)
        _put(made, path, _file(Path(value[1:]), wanted, schema, api) if value[:1] == "@" else _value(value, wanted))
    return made


def _property(schema: Json, path: list[str]) -> Json:
    found = schema
    for name in path:
        found = next(
            (one["properties"][name] for one in _variants(found, schema) if name in one.get("properties", {})), {}
        )
    return found


def _variants(part: Json, schema: Json) -> Iterator[Json]:
    """The schemas that may stand in one place."""
    if "$ref" in part:
        part = schema.get("$defs", {}).get(part["$ref"].rpartition("/")[2], {})
    yield part
    for name in ("anyOf", "oneOf", "allOf"):
        for choice in part.get(name, ()):
            yield from _variants(choice, schema)


def _value(text: str, wanted: Json) -> Any:
    kinds = {choice.get("type") for choice in [wanted, *wanted.get("anyOf", ())]} - {None, "null"}
    if kinds == {"string"}:
        return text
    try:
        return json_of(text)
    except ValueError:
        return text


def _file(path: Path, wanted: Json, schema: Json, api: Api) -> Any:
    formats = {one.get("format") for one in _variants(wanted, schema)}
    named = [one for one in _variants(wanted, schema) if "file_id" in one.get("properties", {})]
    try:
        if FILE_ID in formats or named:
            file_id = api.upload(path)["file_id"]
            return file_id if FILE_ID in formats else {"file_id": file_id}
        text = path.read_text("utf-8")
    except OSError as error:
        raise click.UsageError(
            f"{path} cannot be read: {error.strerror}. @PATH names a file on this machine."
        ) from None
    except UnicodeDecodeError:
        raise click.UsageError(
            f"{path} is no text, and this parameter takes no file. Send a text, or choose a parameter that does."
        ) from None
    return _of_json(text, path) if path.suffix == ".json" else text


def _of_json(text: str, path: Path) -> Any:
    try:
        return json_of(text)
    except ValueError as error:
        raise click.UsageError(
            f"{path} is no JSON: {error}. Mend it, or give it another name to send it as text."
        ) from None


def _put(made: Json, path: list[str], value: Any) -> None:
    place = made
    for name in path[:-1]:
        place = place.setdefault(name, {})
        if not isinstance(place, dict):
            raise click.UsageError(
                f"{'.'.join(path)} goes into {name!r}, which has a value already. Give one of the two."
            )
    place[path[-1]] = value
