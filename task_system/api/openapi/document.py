"""The whole document, from the routes of an app."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask

from task_system.api.describing import OPERATIONS, Operation
from task_system.api.openapi.operations import Writer, address, parameters_of, wanted
from task_system.api.openapi.schemas import PREFIX, Mode, Schema, Schemas
from task_system.api.openapi.submissions import REFERENCE, add_submissions, submission_examples
from task_system.api.tasks import ANY_SUBMISSION, SubmitTask
from task_system.registry import Registry

_DESCRIPTION = """\
Hand background work over by HTTP; it gets done.

A 202 is a promise: the task is on disk before you are answered, and ends in a final state whatever dies meanwhile.
Errors are problem+json (RFC 9457); lists come in pages, with the address of the `next` one. Objects may gain members.
What a page of another site makes a browser send is refused (403 `other_site`), unless `CORS_ORIGINS` names its origin.
So is what asks for a name that is not this service's (421 `other_host`), unless `ALLOWED_HOSTS` names it.
"""
#: Of what no address begins with, what a tag is called and says.
_TAGS = {
    "tasks": "Submit, find, read and change tasks.",
    "batches": "Many tasks at once.",
    "bulk": "One act on all tasks that a filter matches.",
    "task-types": "What can be submitted.",
    "schedules": "Rules that submit tasks.",
    "failures": "What failed for good, by what it failed with.",
    "files": "What tasks read and write.",
    "queues": "What waits.",
    "workers": "Who works.",
    "stats": "How much, how fast, how well.",
    "ledger": "That nothing is lost, in figures.",
    "events": "What happens, as it happens.",
    "health": "How the service is.",
    "service": "What this service is, and this description.",
}
#: Methods that Flask adds by itself.
_ADDED = {"HEAD", "OPTIONS"}


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address, and what is said of it."""

    method: str
    rule: str
    endpoint: str
    #: Whether another address leads to the same view, and came first.
    again: bool
    view: Callable[..., Any]
    operation: Operation

    @property
    def id(self) -> str:
        """As programs made from the document name it."""
        last = self.rule.rpartition("/")[2].replace("-", "_")
        return self.first_id + (f"_at_{last}" if self.again else "")

    @property
    def first_id(self) -> str:
        """The id under the first of the addresses that lead here."""
        return self.endpoint.replace(".", "_")

    @property
    def tag(self) -> str:
        """The resource that the address begins with."""
        parts = self.rule.removeprefix("/api").split("/")
        return "batches" if self.rule == "/api/tasks/batch" else parts[1] if parts[1] in _TAGS else "service"


def undescribed(app: Flask) -> list[str]:
    """Routes of the API that say nothing about themselves."""
    return [f"{rule.endpoint} ({rule.rule})" for rule in _rules(app) if _view(app, rule) not in OPERATIONS]


def document(app: Flask, registry: Registry, version: str) -> dict[str, Any]:
    """The app's API in OpenAPI 3.1. Made anew each time: some tenths of a second."""
    routes = list(_routes(app))
    kinds: list[tuple[Any, Mode]] = [(task_type.parameters, "validation") for task_type in registry]
    asked = [shape for route in routes for shape in wanted(route.operation)]
    schemas = Schemas([(SubmitTask, "validation"), *kinds, *asked])
    add_submissions(schemas, registry)
    paths = _paths(routes, Writer(schemas, _schema_of(schemas)), registry)
    _add_links(paths, routes, schemas)
    made: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Task System",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": words} for name, words in _TAGS.items()],
        "paths": paths,
        "components": {"schemas": schemas.named},
    }
    made = _with_references(made)
    _forget_unused(made)
    return made


def _rules(app: Flask) -> Iterator[Any]:
    """What belongs to the API: all below /api, and the root."""
    for rule in app.url_map.iter_rules():
        if rule.rule == "/" or rule.rule.startswith("/api/"):
            yield rule


def _view(app: Flask, rule: Any) -> Callable[..., Any]:
    return app.view_functions[rule.endpoint]


def _routes(app: Flask) -> Iterator[Route]:
    seen: set[tuple[str, str]] = set()
    rules = sorted(_rules(app), key=lambda rule: (rule.rule, rule.endpoint))
    for rule in rules:
        view = _view(app, rule)
        for method in sorted((rule.methods or set()) - _ADDED):
            again = (rule.endpoint, method) in seen
            seen.add((rule.endpoint, method))
            if view in OPERATIONS:
                yield Route(method.lower(), rule.rule, rule.endpoint, again, view, OPERATIONS[view])


def _schema_of(schemas: Schemas) -> Callable[[Any, Mode], Schema]:
    def of(shape: Any, mode: Mode) -> Schema:
        return REFERENCE if shape is SubmitTask else schemas.of(shape, mode)

    return of


def _paths(routes: list[Route], writer: Writer, registry: Registry) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for route in routes:
        written = {
            "operationId": route.id,
            "tags": [route.tag],
            **writer.write(route.operation, route.rule, route.view),
        }
        if route.operation.body is SubmitTask:
            written["requestBody"]["content"]["application/json"]["examples"] = submission_examples(registry)
        if route.again:
            written["x-same-as"] = route.first_id
        paths.setdefault(address(route.rule), {})[route.method] = written
    return paths


def _add_links(paths: dict[str, Any], routes: list[Route], schemas: Schemas) -> None:
    """From each answer that names something new, to all that can be done with it."""
    for route in routes:
        for status, content in route.operation.answers.items():
            if status not in {201, 202} or content is None or isinstance(content, tuple):
                continue
            given = [name for name in schemas.whole(content, "serialization").get("properties", {}) if _is_id(name)]
            links = {
                other.id: {"operationId": other.id, "parameters": {name: f"$response.body#/{name}"}}
                for name in given
                for other in routes
                if parameters_of(other.rule) == [name]
            }
            if links:
                paths[address(route.rule)][route.method]["responses"][str(status)]["links"] = links


def _is_id(name: str) -> bool:
    return name.endswith("_id")


def _with_references(part: Any) -> Any:
    """With a reference in each place where a model says only that a submission stands there."""
    if isinstance(part, dict):
        if ANY_SUBMISSION.items() <= part.items():
            return REFERENCE
        return {name: _with_references(value) for name, value in part.items()}
    if isinstance(part, list):
        return [_with_references(value) for value in part]
    return part


def _forget_unused(made: dict[str, Any]) -> None:
    """Schemas that only queries were made of, or that stand in nothing."""
    named = made["components"]["schemas"]
    used: set[str] = set()
    found = _references({**made, "components": {}})
    while found:
        used |= found
        found = {reference for name in found for reference in _references(named[name])} - used
    made["components"]["schemas"] = {name: named[name] for name in sorted(used)}


def _references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"].removeprefix(PREFIX)} if isinstance(part.get("$ref"), str) else set()
        return own.union(*map(_references, part.values()))
    return set().union(*map(_references, part)) if isinstance(part, list) else set()
