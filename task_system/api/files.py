"""/api/files: upload a file, and have it back."""

from typing import Annotated
from uuid import UUID

from flask import Blueprint, Response, request
from pydantic import Field

from task_system.api.delivering import deliver_file
from task_system.api.describing import Media, described
from task_system.api.http import Body, answer, done, id_of
from task_system.api.paging import Cursor, next_page
from task_system.api.queries import queried
from task_system.api.receiving import AROUND_BYTES, received
from task_system.api.services import services
from task_system.api.shapes.files import File, FilePage, Form
from task_system.model.errors import FileNotFound, FilesFull, FilesUnavailable, FileTooLarge
from task_system.model.file import StoredFile

BYTES = "application/octet-stream"
#: Files on a page.
MOST, DEFAULT = 200, 50

bp = Blueprint("files", __name__, url_prefix="/api/files")


class UploadFile(Body):
    """How a file is called."""

    name: Annotated[str | None, Field(min_length=1, max_length=1000, description="Instead of the form's.")] = None


class ListFiles(Body):
    """Which page."""

    limit: Annotated[int, Field(ge=1, le=MOST, description="Files on the page.")] = DEFAULT
    cursor: Cursor = None


@bp.post("")
@described(
    answers={201: File},
    query=UploadFile,
    body=(Media("multipart/form-data", Form), Media(BYTES)),
    problems=(FileTooLarge, FilesUnavailable, FilesFull),
    statuses={411: "A body that is no form needs its Content-Length."},
)
def upload() -> Response:
    """Keep a file: of a multipart form, field `file`, or the body itself. 201 means: it is on disk, all of it."""
    filing = services().filing
    wish = queried(UploadFile)
    if request.content_length is not None and request.content_length > filing.max_bytes + AROUND_BYTES:
        raise FileTooLarge(f"The file is larger than {filing.max_bytes:,} bytes, the most that is accepted here.")
    request.max_content_length = filing.max_bytes + AROUND_BYTES
    name, chunks = received(wish.name)
    view = filing.take(name, chunks).view()
    return answer(view, 201, Location=view["links"]["content"])


@bp.get("")
@described(answers={200: FilePage}, query=ListFiles)
def index() -> Response:
    """A page of files, newest first: what was uploaded, and what tasks made."""
    wish = queried(ListFiles)
    found = services().filing.files.page(wish.limit, wish.cursor)
    return answer(
        {
            "files": [file.view() for file in found],
            "next": next_page(found[-1].id) if len(found) == wish.limit else None,
        }
    )


@bp.get("/<file_id>")
@described(
    answers={200: Media("*/*"), 206: Media("*/*"), 304: None},
    headers={
        "Range": "One range of bytes, such as `bytes=0-999`.",
        "If-Range": "An ETag or a time: the range only of that very file, or all of it.",
        "If-None-Match": "An ETag: 304 when the file is still that one.",
    },
    problems=(FileNotFound, FilesUnavailable),
    statuses={416: "The file has no such bytes; Content-Range says how many it has."},
)
def content(file_id: str) -> Response:
    """The file itself, or a range of it."""
    return deliver_file(_file(file_id))


@bp.get("/<file_id>/info")
@described(answers={200: File}, problems=(FileNotFound,))
def info(file_id: str) -> Response:
    """What is known of a file."""
    return answer(_file(file_id).view())


@bp.delete("/<file_id>")
@described(answers={204: None}, problems=(FileNotFound,))
def delete(file_id: str) -> Response:
    """Remove a file. Who reads it now reads it to its end; tasks that name it fail."""
    services().filing.remove(_id(file_id))
    return done()


def _file(text: str) -> StoredFile:
    return services().filing.files.get(_id(text))


def _id(text: str) -> UUID:
    return id_of(text, FileNotFound(file_id=text))
