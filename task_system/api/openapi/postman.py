"""The document as a Postman collection: a folder for each tag, in an order in which it can be run from top to bottom.

What a request makes is remembered by its id, for the requests after it. Each answer must be one that is described.
"""

import json
from collections.abc import Iterator
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from task_system.api.describing import JSON

Json = dict[str, Any]

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
BASE_URL = "http://127.0.0.1:5000"
#: The folder of what answers for as long as one listens.
STREAMS = "streams"
#: A good request is not answered so.
_NEVER = {400, 413, 415, 422, 500, 503}
#: What opens again what others close comes after them.
_LATE = ("resume", "allow")
_METHODS = ("post", "get", "patch", "put", "delete")


def collection(document: Json) -> Json:
    """A collection in format 2.1."""
    folders = {tag["name"]: {"name": tag["name"], "description": tag["description"]} for tag in document["tags"]}
    items: dict[str, list[Json]] = {name: [] for name in (*folders, STREAMS)}
    for path, method, operation in sorted(_operations(document), key=_order):
        folder = STREAMS if _streams(operation) else operation["tags"][0]
        items[folder] += _items(path, method, operation)
    folders[STREAMS] = {"name": STREAMS, "description": "They answer for as long as you listen."}
    info = document["info"]
    return {
        "info": {
            "_postman_id": str(uuid5(NAMESPACE_URL, "urn:task-system:postman")),
            "name": f"{info['title']} {info['version']}",
            "description": info["description"],
            "schema": SCHEMA,
        },
        "item": [{**folder, "item": items[name]} for name, folder in folders.items() if items[name]],
        "variable": [{"key": "base_url", "value": BASE_URL}],
    }


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "x-same-as" not in operation:
                yield path, method, operation


def _order(one: tuple[str, str, Json]) -> tuple[Any, ...]:
    """What makes things first, what removes them last."""
    path, method, _ = one
    return method == "delete", "{" in path, path.endswith(_LATE), _METHODS.index(method), path


def _streams(operation: Json) -> bool:
    return "text/event-stream" in operation["responses"].get("200", {}).get("content", {})


def _items(path: str, method: str, operation: Json) -> Iterator[Json]:
    """One for each example of the body."""
    examples = _examples(operation)
    for number, (name, body) in enumerate(examples or [("", None)]):
        title = operation["summary"] + (f": {name}" if len(examples) > 1 else "")
        yield {
            "name": title,
            "event": [
                {
                    "listen": "test",
                    "script": {"type": "text/javascript", "exec": _script(operation, remember=number == 0)},
                }
            ],
            "request": {
                "method": method.upper(),
                "description": operation["description"],
                "header": _headers(operation, body),
                "url": _url(path, operation),
                **({"body": body} if body else {}),
            },
            "response": [],
        }


def _examples(operation: Json) -> list[tuple[str, Json]]:
    content = operation.get("requestBody", {}).get("content", {})
    if JSON in content:
        return [
            (
                name,
                {
                    "mode": "raw",
                    "raw": json.dumps(example["value"], indent=2),
                    "options": {"raw": {"language": "json"}},
                },
            )
            for name, example in content[JSON].get("examples", {}).items()
        ]
    return [("", {"mode": "raw", "raw": "some text\n"})] if content else []


def _headers(operation: Json, body: Json | None) -> list[Json]:
    headers = [_parameter(one) for one in operation.get("parameters", ()) if one["in"] == "header"]
    content = operation.get("requestBody", {}).get("content", {})
    if body:
        kind = JSON if JSON in content else "application/octet-stream"
        headers.insert(0, {"key": "Content-Type", "value": kind})
    return headers


def _url(path: str, operation: Json) -> Json:
    parameters = operation.get("parameters", ())
    parts = [f":{part[1:-1]}" if part.startswith("{") else part for part in path.strip("/").split("/")]
    return {
        "raw": "{{base_url}}/" + "/".join(parts),
        "host": ["{{base_url}}"],
        "path": parts,
        "query": [_parameter(one) for one in parameters if one["in"] == "query"],
        "variable": [_variable(one) for one in parameters if one["in"] == "path"],
    }


def _parameter(parameter: Json) -> Json:
    """Sent as soon as somebody ticks it."""
    value = next(iter(parameter["schema"].get("examples", ())), "")
    words = {"description": parameter["description"]} if "description" in parameter else {}
    return {"key": parameter["name"], "value": value, "disabled": not parameter["required"], **words}


def _variable(parameter: Json) -> Json:
    name, examples = parameter["name"], parameter["schema"].get("examples")
    return {"key": name, "value": examples[0] if examples else f"{{{{{name}}}}}"}


def _script(operation: Json, *, remember: bool) -> list[str]:
    statuses = sorted(set(map(int, operation["responses"])) - _NEVER)
    lines = [f'pm.test("answered as described", () => pm.expect(pm.response.code).to.be.oneOf({statuses}));']
    if remember and (names := _given(operation)):
        lines += [
            "if (pm.response.code < 300) {",
            "  const said = pm.response.json();",
            f"  for (const name of {json.dumps(names)}) pm.collectionVariables.set(name, said[name]);",
            "}",
        ]
    return lines


def _given(operation: Json) -> list[str]:
    """The ids that an answer names, to go on with."""
    if operation.get("parameters") and any(one["in"] == "path" for one in operation["parameters"]):
        return []
    links = [link for answer in operation["responses"].values() for link in answer.get("links", {}).values()]
    return sorted({name for link in links for name in link["parameters"]})
