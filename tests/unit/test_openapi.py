"""The API's description: whole, valid, and true to the models that validate."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from pydantic import BaseModel, TypeAdapter

from task_system.api.describing import OPERATIONS
from task_system.api.openapi.document import undescribed
from task_system.api.tasks import SubmitTask
from task_system.registry import Context, default_registry, task_type
from task_system.settings import Settings
from task_system.wiring.web import create_app

Json = dict[str, Any]
MODULE = "tests.task_types_for_tests"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return create_app(Settings(data_dir=tmp_path_factory.mktemp("data"), task_modules=(MODULE,)))


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(scope="module")
def document(client: FlaskClient) -> Json:
    answer = client.get("/api/openapi.json")
    assert answer.status_code == 200
    made: Json = answer.json
    return made


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    for address, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {address}", operation


def validator(document: Json, schema: Json) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


def media(operation: Json) -> Iterator[tuple[str, Json]]:
    """Each body of a route, of requests and answers."""
    yield from operation.get("requestBody", {}).get("content", {}).items()
    for answer in operation["responses"].values():
        yield from answer.get("content", {}).items()


def test_it_is_valid_openapi(document: Json) -> None:
    assert document["openapi"].startswith("3.1.")
    validate(document)


def test_every_route_is_described(app: Flask, document: Json) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule == "/" or rule.rule.startswith("/api/")]
    routes = {(rule.rule, method) for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert len(list(operations(document))) == len(routes)


def test_a_route_that_says_nothing_is_noticed(app: Flask) -> None:
    view = app.view_functions["tasks.show"]
    said = OPERATIONS.pop(view)
    try:
        assert undescribed(app) == ["tasks.show (/api/tasks/<task_id>)"]
    finally:
        OPERATIONS[view] = said


def test_every_route_has_words_a_tag_and_an_id_of_its_own(document: Json) -> None:
    ids = [operation["operationId"] for _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
    for name, operation in operations(document):
        assert operation["summary"], name
        assert set(operation["tags"]) <= {tag["name"] for tag in document["tags"]}, name


def test_every_example_validates(document: Json) -> None:
    count = 0
    for name, operation in operations(document):
        for content_type, content in media(operation):
            for title, example in content.get("examples", {}).items():
                errors = list(validator(document, content["schema"]).iter_errors(example["value"]))
                assert not errors, f"{name} {content_type} {title}: {errors}"
                count += 1
    assert count > 100


def test_every_body_s_example_passes_the_model_that_reads_it(app: Flask) -> None:
    for view, operation in OPERATIONS.items():
        for title, example in operation.examples.items():
            body = operation.body[0] if isinstance(operation.body, tuple) else operation.body
            assert isinstance(body, type), view
            assert issubclass(body, BaseModel), view
            assert body.model_validate(example), (view, title)
    for kind in default_registry:
        assert SubmitTask.model_validate({"task_type": kind.name, "parameters": kind.example})
        kind.parameters.model_validate_json(json.dumps(kind.example))


def test_no_route_ignores_a_query(app: Flask, client: FlaskClient, document: Json) -> None:
    for name, operation in operations(document):
        method, address = name.split()
        if address == "/" or address.startswith("/api/health/"):
            continue
        answer = client.open(re.sub(r"\{\w+\}", "x", address), method=method, query_string="colour=red&state=")
        errors = {error["path"]: error["message"] for error in answer.json["errors"]}
        known = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        says = f"this address {'knows ' + ', '.join(known) if known else 'takes no query'}"
        assert (answer.status_code, errors["colour"], "state" in errors) == (
            422,
            f"is unknown here: {says}",
            "state" not in known,
        ), name
        assert "422" in operation["responses"], name


def test_a_field_that_is_misspelt_is_told_which_it_may_be(client: FlaskClient) -> None:
    for wish, path in (({"task_typ": 1}, "task_typ"), ({"parameters": {"dat": "x"}}, "parameters.dat")):
        answer = client.post("/api/tasks", json={"task_type": "data_processing", **wish})
        said = {error["path"]: error["message"] for error in answer.json["errors"]}
        assert (answer.status_code, "did you mean" in said[path]) == (422, True)


def test_of_thousands_that_are_unknown_some_are_told(client: FlaskClient) -> None:
    answer = client.get("/api/tasks?" + "&".join(f"colour{number}" for number in range(5000)))
    assert (answer.status_code, len(answer.json["errors"])) == (422, 20)


def test_a_parameter_that_stands_twice_is_told_so(client: FlaskClient) -> None:
    answer = client.get("/api/tasks?limit=1&limit=0&tag=a&tag=b&colour=red")
    errors = {error["path"]: error["message"] for error in answer.json["errors"]}
    assert (errors.pop("limit"), list(errors)) == ("stands there more than once", ["colour"])


def test_a_question_what_is_allowed_may_come_with_any_query(client: FlaskClient) -> None:
    assert client.options("/api/tasks?colour=red").status_code == 200
    assert client.get("/?from=mail").status_code == 200
    assert client.get("/api/no-such-place?colour=red").status_code == 404


def test_every_route_that_takes_a_body_has_an_example(document: Json) -> None:
    for name, operation in operations(document):
        for content_type, content in operation.get("requestBody", {}).get("content", {}).items():
            assert content_type != "application/json" or content.get("examples"), name


def test_a_submission_is_one_of_the_types_by_name(document: Json) -> None:
    schema = document["components"]["schemas"]["Submission"]
    assert set(schema["discriminator"]["mapping"]) == {kind.name for kind in default_registry}
    fits = validator(document, {"$ref": "#/components/schemas/Submission"})
    assert fits.is_valid({"task_type": "data_processing", "parameters": {"data": [1]}, "priority": "low"})
    assert not fits.is_valid({"task_type": "data_processing", "parameters": {"dota": [1]}})
    assert not fits.is_valid({"task_type": "email_sending", "parameters": {"data": [1]}})
    assert not fits.is_valid({"task_type": "nothing", "parameters": {}})
    assert fits.is_valid({"task_type": "test_noop"})
    assert not fits.is_valid({"task_type": "email_sending"})


def test_a_type_of_one_s_own_appears_by_itself(tmp_path: Path) -> None:
    class Own(BaseModel):
        colour: str

    def paint(ctx: Context, parameters: Own) -> None:
        """Paint."""

    task_type("test_paint", example={"colour": "red"})(paint)
    try:
        made = create_app(Settings(data_dir=tmp_path)).test_client().get("/api/openapi.json").json
    finally:
        del default_registry._types["test_paint"]
    assert made["components"]["schemas"]["Submit_test_paint"]["required"] == ["task_type", "parameters"]
    examples = made["paths"]["/api/tasks"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    assert examples["test_paint"]["value"] == {"task_type": "test_paint", "parameters": {"colour": "red"}}


def test_an_accepted_task_leads_to_all_that_can_be_done_with_it(document: Json) -> None:
    links = document["paths"]["/api/tasks"]["post"]["responses"]["202"]["links"]
    assert {"tasks_show", "acting_cancel", "acting_retry", "explaining_explain"} <= set(links)
    assert links["tasks_show"]["parameters"] == {"task_id": "$response.body#/task_id"}


def test_a_field_s_docstring_is_its_description_also_where_it_is_inherited(document: Json) -> None:
    shown = document["components"]["schemas"]["Task"]["properties"]
    assert shown["run_at"]["description"] == "When it is due, or was."
    assert shown["timeline"]["description"] == "Oldest first."


def test_it_is_sent_packed_and_not_again(client: FlaskClient, document: Json) -> None:
    packed = client.get("/api/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert len(packed.data) < 60_000
    again = client.get("/api/openapi.json", headers={"If-None-Match": packed.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_every_shape_can_be_read_as_json_schema() -> None:
    for operation in OPERATIONS.values():
        if operation.query is not None:
            assert TypeAdapter(operation.query).json_schema()["properties"]
