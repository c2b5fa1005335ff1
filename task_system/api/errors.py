"""Every error becomes one problem document (RFC 9457), here and nowhere else. Never HTML, never a traceback."""

import logging
from http import HTTPStatus
from typing import Any

import orjson
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, InternalServerError

from task_system.model.errors import (
    BatchNotFound,
    BulkFinished,
    BulkNotFound,
    Conflict,
    FailureNotFound,
    FileNotFound,
    FilesFull,
    FilesUnavailable,
    FileTooLarge,
    InvalidSubmission,
    NameTaken,
    OtherHost,
    OtherSite,
    Overloaded,
    QueueNotFound,
    ScheduleIsDeclared,
    ScheduleNotFound,
    StoreUnavailable,
    TaskNotFound,
    TaskSystemError,
    TaskTypeNotFound,
    TaskTypeRefused,
    TooManyStreams,
)

_STATUS: dict[type[TaskSystemError], HTTPStatus] = {
    InvalidSubmission: HTTPStatus.UNPROCESSABLE_ENTITY,
    OtherHost: HTTPStatus.MISDIRECTED_REQUEST,
    OtherSite: HTTPStatus.FORBIDDEN,
    TaskNotFound: HTTPStatus.NOT_FOUND,
    BatchNotFound: HTTPStatus.NOT_FOUND,
    BulkNotFound: HTTPStatus.NOT_FOUND,
    BulkFinished: HTTPStatus.CONFLICT,
    FailureNotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    ScheduleNotFound: HTTPStatus.NOT_FOUND,
    QueueNotFound: HTTPStatus.NOT_FOUND,
    TaskTypeNotFound: HTTPStatus.NOT_FOUND,
    TaskTypeRefused: HTTPStatus.SERVICE_UNAVAILABLE,
    ScheduleIsDeclared: HTTPStatus.CONFLICT,
    NameTaken: HTTPStatus.CONFLICT,
    FileNotFound: HTTPStatus.NOT_FOUND,
    FileTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    FilesUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    FilesFull: HTTPStatus.INSUFFICIENT_STORAGE,
    StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
    TooManyStreams: HTTPStatus.SERVICE_UNAVAILABLE,
}
#: When to try again, in seconds: a short outage is over, and those who come back are spread by their own clocks.
_RETRY_AFTER_S = {
    StoreUnavailable: 2,
    FilesUnavailable: 5,
    FilesFull: 60,
    Overloaded: 1,
    TooManyStreams: 10,
    TaskTypeRefused: 60,
}
#: Details that werkzeug words for browsers, in words for programs.
_DETAIL = {
    404: "There is nothing at this address. GET / shows what there is.",
    405: "This address does not take that method; the Allow header names those it does.",
}
_log = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Answer every error of this app with a problem document."""
    app.register_error_handler(TaskSystemError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def status_of(kind: type[TaskSystemError]) -> int:
    """What an error of that kind is answered with."""
    return next((_STATUS[known].value for known in kind.__mro__ if known in _STATUS), InternalServerError.code)


def problem(status: int, code: str, detail: str, headers: dict[str, str] | None = None, **members: Any) -> Response:
    """A problem document; `error` repeats the title for programs that look no further."""
    title = HTTPStatus(status).phrase
    document = {
        "type": f"urn:task-system:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "error": code,
        **members,
    }
    return Response(orjson.dumps(document), status, headers, content_type="application/problem+json")


def _ours(error: TaskSystemError) -> Response:
    kind = next((known for known in type(error).__mro__ if known in _STATUS), None)
    if kind is None:
        return _unexpected(error)
    headers = {"Retry-After": str(_RETRY_AFTER_S[kind])} if kind in _RETRY_AFTER_S else None
    return problem(_STATUS[kind], error.code, error.detail, headers, **_members(error))


def _members(error: TaskSystemError) -> dict[str, Any]:
    return {name: error.facts[name] for name in ("errors", "task_id", "file_id", "state") if name in error.facts}


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status == 400 and error.description == type(error).description:
        detail = "The request could not be understood."
    elif status == 413:
        most = f"{request.max_content_length:,} bytes, the most that is accepted here"
        detail = f"The body is larger than {most}. Upload what is large as a file: POST /api/files."
    else:
        detail = _DETAIL.get(status) or error.description or HTTPStatus(status).phrase
    kept = {name: value for name, value in error.get_headers() if name not in {"Content-Type", "Content-Length"}}
    return problem(status, HTTPStatus(status).name.lower(), detail, kept)


def _unexpected(error: Exception) -> Response:
    _log.exception("unexpected error while answering %s %s", request.method, request.path, exc_info=error)
    status = InternalServerError.code
    return problem(status, "internal_error", "Something unexpected went wrong here; it was logged.")
