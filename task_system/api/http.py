"""Requests in, JSON out: what Flask leaves open, decided once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import orjson
from flask import Request, Response, request
from flask.globals import request_ctx
from flask.json.provider import JSONProvider
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest, ClientDisconnected, UnsupportedMediaType

from task_system.api.unread import READ
from task_system.dispatch.findings import errors_of
from task_system.dispatch.nesting import TOO_DEEP, is_too_deep
from task_system.model.errors import InvalidSubmission, TaskNotFound, TaskSystemError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_JSON = "application/json"
M = TypeVar("M", bound=BaseModel)


class Body(BaseModel):
    """Base of what callers send: an unknown field is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


class JsonResponse(Response):
    """A body of one piece and headers that are complete: werkzeug's mending of them takes longer than most handlers."""

    def __init__(self, encoded: bytes, status: int, headers: dict[str, str]) -> None:
        said = {"Content-Type": "application/json", "Content-Length": str(len(encoded)), **headers}
        super().__init__([encoded], status, Headers(said))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "HEAD" or self._on_close:
            return super().__call__(environ, start_response)
        start_response(self.status, list(self.headers))
        return self.response  # type: ignore[return-value] # bytes, as they were given

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
    sent = request_ctx.request  # the object itself: asking `request` anew each time takes longer than the answer
    if sent.environ.get("CONTENT_TYPE") != _JSON and not sent.is_json:
        raise UnsupportedMediaType("Send JSON with the header `Content-Type: application/json`.")
    received = _received(sent)
    if not received:
        raise BadRequest("The body is empty: send JSON.")
    try:
        body = orjson.loads(received)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.") from None
    if is_too_deep(received, body):
        raise InvalidSubmission(errors=[{"path": "body", "message": TOO_DEEP}])
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise InvalidSubmission(errors=errors_of(error, body, model=model)) from None


def parsed_if_any(model: type[M]) -> M:
    """The request's JSON as that model; the model's defaults where nothing was sent. Raises as `parsed` does."""
    return parsed(model) if request.content_length or (request.content_length is None and _chunked()) else model()


def task_id_of(text: str) -> UUID:
    """A task's id in an address. Raises TaskNotFound."""
    return id_of(text, TaskNotFound(task_id=text))


def id_of(text: str, missing: TaskSystemError) -> UUID:
    """An id in an address. Raises `missing`: what is no id is nobody's."""
    try:
        return UUID(text)
    except ValueError:
        raise missing from None


def _chunked() -> bool:
    return "Transfer-Encoding" in request.headers


def _received(sent: Request) -> bytes:
    length = sent.content_length
    if length is not None and 0 < length <= (sent.max_content_length or 0):
        # Whatever the server, it cuts the body where it ends; `get_data` wraps it in three more readers to do so.
        whole: bytes = sent.environ["wsgi.input"].read(length)
        if len(whole) < length:
            raise ClientDisconnected
        sent.environ[READ] = True
        return whole
    data = sent.get_data(cache=False)
    if length is None:
        # A body that comes in chunks is cut at the limit; only who reads on is told that there is more.
        sent.stream.read(1)
    return data


def done() -> Response:
    """204: there is nothing to be said, in no form."""
    nothing = Response(status=204)
    del nothing.headers["Content-Type"]
    return nothing


def answer(body: Any, status: int = 200, **headers: str) -> Response:
    """A JSON response; bytes are JSON already."""
    encoded = body if isinstance(body, bytes) else orjson.dumps(body)
    return JsonResponse(encoded, status, headers)
