"""Files: uploaded, and made by tasks."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from task_system.api.shapes.common import DOCUMENTED, Links


class Form(TypedDict):
    """A form with a file in it."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    file: Annotated[bytes, WithJsonSchema({"type": "string", "contentMediaType": "application/octet-stream"})]
    """One file, with its filename."""


class File(TypedDict):
    """A file that is kept."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    file_id: UUID
    name: str
    size: int
    """In bytes."""
    sha256: str
    content_type: str
    """By content, not by name."""
    created_at: datetime
    expires_at: datetime | None
    """Removed then."""
    task_id: UUID | None
    """The task that made it; null for an upload."""
    links: Links


class FilePage(TypedDict):
    """Files, newest first."""

    __pydantic_config__ = DOCUMENTED  # type: ignore[misc]

    files: list[File]
    next: str | None
    """The next page's address; null after the last one."""
