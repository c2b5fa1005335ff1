"""The bytes of an upload, as they arrive: one file of a multipart form, or the body itself. Nothing is spooled."""

from collections.abc import Iterator
from itertools import chain

from flask import request
from werkzeug.exceptions import BadRequest, LengthRequired
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from task_system.model.errors import InvalidSubmission
from task_system.model.file import UNNAMED

#: Read at once.
CHUNK_BYTES = 64 * 1024
#: What a form may hold beside the file: boundaries, headers, other fields.
AROUND_BYTES = 64 * 1024
PARTS_MAX = 20
FIELD = "file"


def received(name: str | None) -> tuple[str, Iterator[bytes]]:
    """The file's name, and its bytes to be read once. `name`: as the address says it, if it does.

    Raises InvalidSubmission and BadRequest, the iterator too: what was read until then is not to be kept.
    """
    if request.mimetype == "multipart/form-data":
        boundary = request.mimetype_params.get("boundary")
        if not boundary:
            raise BadRequest("The form's Content-Type names no boundary.")
        sent, chunks = _of_form(_events(boundary))
        return name or sent, chunks
    if request.content_length is None:
        # Without it a connection that breaks looks like an end.
        raise LengthRequired("Send the file's Content-Length, or a multipart form.")
    return name or UNNAMED, _body()


def _body() -> Iterator[bytes]:
    left = request.content_length
    while chunk := request.stream.read(CHUNK_BYTES):
        yield chunk
        if left is not None:
            left -= len(chunk)
    if left:
        # Not every server tells a broken connection from an end.
        raise BadRequest("The connection broke before all of the body was here.")


def _events(boundary: str) -> Iterator[Event]:
    """The form, piece by piece, to its very end."""
    decoder = MultipartDecoder(boundary.encode("latin-1", "replace"), 4 * AROUND_BYTES, max_parts=PARTS_MAX)
    for chunk in chain(_body(), [None]):
        try:
            decoder.receive_data(chunk)
            while not isinstance(event := decoder.next_event(), NeedData | Epilogue):
                yield event
        except ValueError as error:
            detail = "it ends before its closing boundary" if chunk is None else str(error)
            raise BadRequest(f"The form is broken: {detail}.") from None


def _of_form(events: Iterator[Event]) -> tuple[str, Iterator[bytes]]:
    around = 0
    for event in events:
        if isinstance(event, File):
            if event.name == FIELD:
                return event.filename or UNNAMED, _content(events)
            raise _unfit(event.name, f"send one file, in the field `{FIELD}`")
        if isinstance(event, Field) and event.name == FIELD:
            raise _unfit(FIELD, "is a text; send a file, with its filename")
        if isinstance(event, Data):
            around += len(event.data)
            if around > AROUND_BYTES:
                raise _unfit("body", f"the fields before the file have more than {AROUND_BYTES:,} bytes")
    raise _unfit(FIELD, "is missing; send a multipart form with the file in it, or the file as the body")


def _content(events: Iterator[Event]) -> Iterator[bytes]:
    for event in events:
        if isinstance(event, Data):
            yield event.data
            if not event.more_data:
                break
    for event in events:
        if isinstance(event, File):
            raise _unfit(event.name, "send one file at a time")


def _unfit(path: str | None, message: str) -> InvalidSubmission:
    errors = [{"path": path or "body", "message": message}]
    return InvalidSubmission("The upload does not fit. `errors` says why.", errors=errors)
