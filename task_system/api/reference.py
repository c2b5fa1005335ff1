"""/api/openapi.json and /api/docs: this API described, for programs and for people."""

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import orjson
from flask import Blueprint, Flask, Response, current_app, request, send_from_directory

from task_system.api import openapi
from task_system.api.describing import Media, described
from task_system.api.services import services
from task_system.api.shapes.running import Document

bp = Blueprint("reference", __name__, url_prefix="/api")

_PAGE = Path(__file__).with_name("reference_page")
#: Nothing from elsewhere, nothing inline.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_lock = Lock()


@bp.get("/openapi.json")
@described(answers={200: Document}, uses_store=False)
def document() -> Response:
    """This API in OpenAPI 3.1."""
    with _lock:
        packed, tag = _made(current_app._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001
    if request.if_none_match.contains_weak(tag):
        response = Response(status=304)
    elif request.accept_encodings.quality("gzip"):
        response = Response(packed, content_type="application/json", headers={"Content-Encoding": "gzip"})
    else:
        response = Response(gzip.decompress(packed), content_type="application/json")
    response.set_etag(tag, weak=True)
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = "no-cache"
    return response


@bp.get("/docs")
@described(answers={200: Media("text/html")}, uses_store=False)
def page() -> Response:
    """This description as a page."""
    return _asset("index.html")


@bp.get("/docs/<path:name>")
@described(
    answers={200: (Media("text/javascript"), Media("text/css"), Media("text/html"))},
    path={"name": str},
    statuses={404: "The page has no such part."},
    uses_store=False,
)
def asset(name: str) -> Response:
    """What the page is made of."""
    return _asset(name)


def _asset(name: str) -> Response:
    response = send_from_directory(_PAGE, name, max_age=0)
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@lru_cache(maxsize=1)
def _made(app: Flask) -> tuple[bytes, str]:
    """The document, packed, and what tells it from another. Types are registered before the first request."""
    made: dict[str, Any] = openapi.document(app, services().registry, services().version)
    encoded = orjson.dumps(made)
    return gzip.compress(encoded, mtime=0), hashlib.sha256(encoded).hexdigest()[:32]
