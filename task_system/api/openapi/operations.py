"""One route in the words of OpenAPI."""

import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any
from uuid import UUID

from task_system.api.describing import JSON, Content, Media, Operation
from task_system.api.errors import status_of
from task_system.api.openapi.schemas import Mode, Schema, Schemas
from task_system.api.queries import UNFIT, refuses_queries
from task_system.api.shapes.common import Problem
from task_system.model.errors import InvalidSubmission, StoreUnavailable, TaskSystemError

PROBLEM = "application/problem+json"
#: What follows from a request with a body, whatever its model.
_OF_A_BODY = {
    400: "The body is not valid JSON.",
    413: "The body is larger than this service accepts.",
    415: "The body is not of a content type that is taken here.",
}
_BODY: Mode = "validation"
_ANSWER: Mode = "serialization"
_PARAMETER = re.compile(r"<(?:[^:>]+:)?([^>]+)>")


def wanted(operation: Operation) -> Iterator[tuple[Any, Mode]]:
    """Every type that a route's description needs the schema of."""
    for media in _media(operation.body):
        if media.shape is not None:
            yield media.shape, _BODY
    for content in operation.answers.values():
        for media in _media(content):
            if media.shape is not None:
                yield media.shape, _ANSWER
    if operation.query is not None:
        yield operation.query, _BODY
    for kind in operation.path.values():
        yield kind, _BODY
    yield UUID, _BODY
    yield Problem, _ANSWER


def parameters_of(rule: str) -> list[str]:
    """The names of an address's parameters."""
    return _PARAMETER.findall(rule)


def address(rule: str) -> str:
    """A rule of Flask's as OpenAPI writes addresses."""
    return _PARAMETER.sub(r"{\1}", rule)


class Writer:
    """Writes routes, given the schemas of what they want."""

    def __init__(self, schemas: Schemas, schema_of: Callable[[Any, Mode], Schema]) -> None:
        self._schemas = schemas
        self._schema_of = schema_of

    def write(self, operation: Operation, rule: str, view: Callable[..., Any]) -> dict[str, Any]:
        """All but its id, its tag and where to go on from its answers."""
        summary, description = _words(view.__doc__ or "")
        written: dict[str, Any] = {"summary": summary, "description": description}
        if parameters := [*self._path(operation, rule), *self._query(operation), *_headers(operation)]:
            written["parameters"] = parameters
        if operation.body is not None:
            written["requestBody"] = self._body(operation)
        written["responses"] = self._responses(operation, rule)
        return written

    def _path(self, operation: Operation, rule: str) -> Iterator[dict[str, Any]]:
        for name in parameters_of(rule):
            kind = operation.path.get(name, UUID)
            yield {"name": name, "in": "path", "required": True, "schema": self._schema_of(kind, _BODY)}

    def _query(self, operation: Operation) -> Iterator[dict[str, Any]]:
        if operation.query is None:
            return
        whole = self._schemas.whole(operation.query, _BODY)
        for name, schema in whole["properties"].items():
            parameter = {"name": name, "in": "query", "required": name in whole.get("required", ())}
            words = {"description": schema["description"]} if "description" in schema else {}
            yield {**parameter, **words, "schema": _not_null(schema)}

    def _body(self, operation: Operation) -> dict[str, Any]:
        content = self._content(operation.body, _BODY)
        if operation.examples:
            first = next(iter(content.values()))
            first["examples"] = {name: {"value": value} for name, value in operation.examples.items()}
        return {"required": not operation.body_optional, "content": content}

    def _content(self, content: Content, mode: Mode) -> dict[str, Any]:
        return {
            media.content_type: {} if media.shape is None else {"schema": self._schema_of(media.shape, mode)}
            for media in _media(content)
        }

    def _responses(self, operation: Operation, rule: str) -> dict[str, Any]:
        responses: dict[str, Any] = {}
        for status, content in sorted(operation.answers.items()):
            responses[str(status)] = {"description": HTTPStatus(status).phrase}
            if content is not None:
                responses[str(status)]["content"] = self._content(content, _ANSWER)
        for status, meanings in sorted(_problems(operation, rule).items()):
            schema = self._schema_of(Problem, _ANSWER)
            media: dict[str, Any] = {"schema": schema, "examples": dict(meanings.values())}
            responses[str(status)] = {"description": " ".join(meanings), "content": {PROBLEM: media}}
        return responses


def _media(content: Content) -> Iterator[Media]:
    for one in content if isinstance(content, tuple) else (content,):
        if one is not None:
            yield one if isinstance(one, Media) else Media(JSON, one)


def _headers(operation: Operation) -> Iterator[dict[str, Any]]:
    for name, words in operation.headers.items():
        yield {"name": name, "in": "header", "required": False, "description": words, "schema": {"type": "string"}}


def _not_null(schema: Schema) -> Schema:
    """Without null, which no query can say."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name not in {"anyOf", "description"}}
    return {**rest, **choices[0]} if len(choices) == 1 else rest if not choices else {**rest, "anyOf": choices}


def _words(docstring: str) -> tuple[str, str]:
    """The first sentence, and all of them."""
    text = "\n\n".join(" ".join(paragraph.split()) for paragraph in docstring.split("\n\n")).strip()
    first = re.split(r"(?<=[.?!])\s", text, maxsplit=1)[0]
    return first.rstrip("."), text


_Meanings = dict[str, tuple[str, dict[str, Any]]]


def _problems(operation: Operation, rule: str) -> dict[int, _Meanings]:
    """By status, what each problem means, with its code and an example."""
    found: dict[int, _Meanings] = {}

    def add(status: int, code: str, detail: str) -> None:
        found.setdefault(status, {})[detail] = (code, {"value": _example(status, code, detail)})

    kinds: list[type[TaskSystemError]] = [*operation.problems]
    if operation.body is not None:
        kinds.append(InvalidSubmission)
    if operation.uses_store:
        kinds.append(StoreUnavailable)
    if operation.body is not None:
        for status, detail in _OF_A_BODY.items():
            add(status, HTTPStatus(status).name.lower(), detail)
    for kind in dict.fromkeys(kinds):
        add(status_of(kind), kind.code, kind().detail)
    if refuses_queries(rule):
        add(status_of(InvalidSubmission), InvalidSubmission.code, UNFIT)
    for status, detail in operation.statuses.items():
        add(status, HTTPStatus(status).name.lower(), detail)
    return found


def _example(status: int, code: str, detail: str) -> dict[str, Any]:
    errors = {"errors": [{"path": "task_type", "message": "is missing"}]} if status == 422 else {}
    return {
        "type": f"urn:task-system:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": "/api/tasks",
        "error": code,
        **errors,
    }
