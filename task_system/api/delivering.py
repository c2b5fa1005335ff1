"""Bytes as an answer: whole or a range of them, told apart by their digest, and never run by a browser.

RFC 9110, sections 13 and 14. One range; a request for several is answered with all, as it may be.
"""

from urllib.parse import quote

from flask import Response, request
from werkzeug.http import http_date

from task_system.api.errors import problem
from task_system.api.services import services
from task_system.model.file import Kind, StoredFile

#: What strangers have uploaded is saved, not shown; where it is shown all the same, it is alone and may do nothing.
_HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
    "Accept-Ranges": "bytes",
}


def deliver_file(file: StoredFile) -> Response:
    """The answer to this request: the file, or a part of it."""
    headers = {
        **_HARMLESS,
        "Content-Type": file.content_type,
        "ETag": f'"{file.sha256}"',
        "Last-Modified": http_date(file.created_at),
    }
    if file.kind is Kind.FILE:
        headers["Content-Disposition"] = disposition(file.name)
    # A proxy that compresses makes the tag a weak one, and what it has is still this file.
    if request.if_none_match.contains_weak(file.sha256):
        return Response(status=304, headers=headers)
    wanted = _range(file)
    if wanted is None:
        return _answer(file, 200, 0, file.size, headers)
    start, end = wanted
    if start >= end:
        size = {"Accept-Ranges": "bytes", "Content-Range": f"bytes */{file.size}"}
        return problem(416, "no_such_range", f"The file has {file.size:,} bytes, and none of those.", size)
    return _answer(file, 206, start, end, {**headers, "Content-Range": f"bytes {start}-{end - 1}/{file.size}"})


def disposition(name: str) -> str:
    """Content-Disposition for any name (RFC 6266): ASCII for those who know no better, and the name itself."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\%' else "_" for letter in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _answer(file: StoredFile, status: int, start: int, end: int, headers: dict[str, str]) -> Response:
    empty = request.method == "HEAD" or start == end
    body = () if empty else services().filing.content(file, start, end)
    response = Response(body, status, headers, direct_passthrough=True)
    response.content_length = end - start
    return response


def _range(file: StoredFile) -> tuple[int, int] | None:
    """From where to before where; None for all; nothing between the two for what cannot be satisfied."""
    if request.method != "GET" or (asked := request.range) is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    condition, size = request.if_range, file.size
    if condition.etag is not None and request.headers["If-Range"].strip() != f'"{file.sha256}"':
        return None
    if condition.date is not None and condition.date != file.created_at.replace(microsecond=0):
        return None
    start, end = asked.ranges[0]
    if start < 0:
        return max(0, size + start), size
    return (start, size if end is None else min(end, size)) if start < size else (size, size)
