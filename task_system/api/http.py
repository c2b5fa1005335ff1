"""Requests in, JSON out: what Flask leaves open, decided once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import orjson
from flask import Response, request
from flask.json.provider import JSONProvider
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from task_system.dispatch.submit import errors_of
from task_system.model.errors import InvalidSubmission, TaskNotFound

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

M = TypeVar("M", bound=BaseModel)


class Body(BaseModel):
    """Base of what callers send: an unknown field is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


class JsonResponse(Response):
    """Headers that are complete as they are: werkzeug's mending of them takes longer than most handlers."""

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:  # noqa: ARG002 - werkzeug passes it
        return self.headers


class OrjsonProvider(JSONProvider):
    """Flask's own answers in the same JSON as ours."""

    def dumps(self, obj: Any, **_kwargs: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_kwargs: Any) -> Any:
        return orjson.loads(s)


def parsed(model: type[M]) -> M:
    """The request's JSON as that model. Raises 415, 400, or InvalidSubmission, which is answered with 422."""
    if not request.is_json:
        raise UnsupportedMediaType("Send JSON with the header `Content-Type: application/json`.")
    try:
        body = orjson.loads(_received())
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from None
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise InvalidSubmission(errors=errors_of(error)) from None


def parsed_if_any(model: type[M]) -> M:
    """The request's JSON as that model; the model's defaults where nothing was sent. Raises as `parsed` does."""
    return parsed(model) if request.content_length or (request.content_length is None and _chunked()) else model()


def queried(model: type[M]) -> M:
    """The request's query as that model. Raises InvalidSubmission."""
    try:
        return model.model_validate(request.args.to_dict())
    except ValidationError as error:
        raise InvalidSubmission(
            "The query does not fit. `errors` says where and why.", errors=errors_of(error)
        ) from None


def task_id_of(text: str) -> UUID:
    """A task's id in an address. Raises TaskNotFound: what is no id is no task's."""
    try:
        return UUID(text)
    except ValueError:
        raise TaskNotFound(task_id=text) from None


def _chunked() -> bool:
    return "Transfer-Encoding" in request.headers


def _received() -> bytes:
    data = request.get_data(cache=False)
    if request.content_length is None:
        # A body that comes in chunks is cut at the limit; only who reads on is told that there is more.
        request.stream.read(1)
    return data


def answer(body: Any, status: int = 200, **headers: str) -> Response:
    """A JSON response; bytes are JSON already."""
    encoded = body if isinstance(body, bytes) else orjson.dumps(body)
    response = JsonResponse(encoded, status, content_type="application/json")
    response.headers["Content-Length"] = str(len(encoded))
    for name, value in headers.items():
        response.headers[name] = value
    return response
